"""`kull play`: a small Kull in the browser, on a mesh that can be broken."""
