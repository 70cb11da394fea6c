//! Where the runtime enters the program.

shared_state::entrypoint!("GridToken registry program", crate::processor::process);
