//! The endpoints, each a plain function from a request to a response.
