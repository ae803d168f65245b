"""Personal data by its form: mail and network addresses, and numbers with a checksum."""
