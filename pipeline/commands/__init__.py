"""Commands: one word of the command line, one file, each with `main(args) -> exit code`."""
