"""Visual effects from a description: words become a form and an element, and those are drawn as light and matter."""
