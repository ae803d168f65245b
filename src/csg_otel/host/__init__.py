"""The kernel's reports about the machine and about the control group of this process."""
