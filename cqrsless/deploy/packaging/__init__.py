"""The package that Lambda is given: the application with its dependencies, for its platform, the same bytes each time.

`building.build(settings)` is the whole of it; `cqrsless package` calls that.
"""
