"""R6 and several threats: no credential and no secret leaves its origin, and a slow scope delays no other."""
