"""What users give: names, numbers and YAML, and what is told them where it cannot be used."""
