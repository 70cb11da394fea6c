//! Where the runtime enters the program.

solana_program::custom_heap_default!();
solana_program::custom_panic_default!();

/// Runs one instruction and returns 0 or the error's code.
///
/// # Safety
/// Only the runtime calls this, with the input region that belongs to this instruction alone.
#[no_mangle]
pub unsafe extern "C" fn entrypoint(input: *mut u8) -> u64 {
    // SAFETY: the runtime's input, as promised above.
    unsafe { shared_state::program::run(input, crate::processor::process) }
}

// For explorers and security researchers. The values come from `.cargo/config.toml` or the environment of the build.
solana_security_txt::security_txt! {
    name: "GridToken token program",
    project_url: env!("GRIDTOKEN_PROJECT_URL"),
    contacts: env!("GRIDTOKEN_CONTACTS"),
    policy: env!("GRIDTOKEN_POLICY"),
    source_code: env!("GRIDTOKEN_SOURCE_CODE"),
    source_revision: env!("GRIDTOKEN_SOURCE_REVISION"),
    source_release: env!("GRIDTOKEN_SOURCE_RELEASE")
}
