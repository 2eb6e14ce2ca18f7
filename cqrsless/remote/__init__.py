"""A deployed application, called from elsewhere: by invoking its function, over HTTP, or through a queue."""
