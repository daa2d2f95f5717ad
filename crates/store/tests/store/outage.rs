//! A PostgreSQL server that goes away, in the middle of traffic.
