//! Reads the files that meters, utilities and inverters write.
pub mod energy;
mod decode;
mod number;
pub mod options;
pub mod report;
mod table;
mod time;
mod words;
mod zone;
