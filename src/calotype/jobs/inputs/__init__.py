"""The input of each kind: one module and one strict Pydantic model a kind, with its JSON Schema public."""
