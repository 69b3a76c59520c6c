"""The commands of `archsim`; every module states its own as `COMMANDS`."""
