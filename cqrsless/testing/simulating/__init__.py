"""The simulator: an application's own handlers, and everything that may go wrong around them, out of one seed.

A *script* of steps says who does what and what happens to it; a `World` acts it out on a store in memory, with several
containers of which only one ever runs; then it lets everything settle and checks what the application was promised.
"""
