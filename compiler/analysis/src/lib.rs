//! Names, types, graph and lowering.
