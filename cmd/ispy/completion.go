package main

func completionScript(shell string) string { return "" }
