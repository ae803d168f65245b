"""What the kernel reports about the machine and the control group this process runs in."""
