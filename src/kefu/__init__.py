"""kefu: from a company's support conversations to a tested customer-service assistant."""

__version__ = "0.1.0"
