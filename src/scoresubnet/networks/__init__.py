"""The three networks: classifier, Score Subnet, U-Net baseline, and the blocks they share."""
