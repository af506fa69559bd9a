"""What users give: names, numbers and YAML; and the messages where a value cannot be used."""
