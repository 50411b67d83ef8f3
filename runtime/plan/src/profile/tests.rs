//! Tests of whole files: what is checked, what is resolved.
