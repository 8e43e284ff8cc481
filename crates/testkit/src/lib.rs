//! Boots a real server for a test; clients, images, throw-away engines.
