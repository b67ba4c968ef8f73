"""Image maths, grammars and decoders that host and device share."""
