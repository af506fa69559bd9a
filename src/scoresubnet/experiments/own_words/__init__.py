"""Does it help? A keyword spotter of words that the weights do not know, with and without clips."""
