"""What several rooms of the tests share: toys, small models, downloads, tools."""
