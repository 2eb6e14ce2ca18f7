"""From an application's registry to the template of its stack on AWS: planned once, written in any tool's form."""
