"""HTTP connections: limits of headers, of time and of number, in the process with the socket."""
