"""The portal: server-rendered pages for operators and customers."""
