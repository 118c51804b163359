"""The paper's tables and figures, one binary each, on the paper's data or on the embedded sets. See README.md."""
