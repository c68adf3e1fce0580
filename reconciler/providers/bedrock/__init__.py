"""AWS Bedrock model customization: the adapter, and its rules offline."""
