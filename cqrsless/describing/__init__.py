"""What there is to tell of an application and of what it stored: for people, the command line and the console alike."""
