//! Where the runtime enters the program.

shared_state::entrypoint!("GridToken token program", crate::processor::process);
