"""What travels over HTTP, by noun: requests are checked here, answers are rendered here."""
