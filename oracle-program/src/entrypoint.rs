//! Where the runtime enters the program.

shared_state::entrypoint!("GridToken oracle program", crate::processor::process);
