//! How it is stored: transactions, stores, the audit writer, sealing.
