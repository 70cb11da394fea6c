//! Reads the files that meters, utilities and inverters write, whatever their format, into readings of registers and
//! energies per interval.
//!
//! [`read`] recognizes a file by its content; [`Options`] say what content can't tell. Numbers stay exact decimals from
//! the file to the sum. What can be read in more than one way becomes a [`Doubt`], never a silent guess.

mod decode;
mod energy;
mod extract;
mod green_button;
mod grid_csv;
mod import;
mod instants;
mod join;
mod json;
mod lines;
mod merge;
mod nem12;
mod number;
mod options;
mod p1;
mod plausible;
mod recognize;
mod report;
mod roles;
mod series;
mod skipped;
mod sml;
mod table;
mod time;
mod times;
mod trend;
mod units;
mod values;
mod vocabulary;
mod wide;
mod words;
mod zone;

pub use energy::{Decimal, Energy, Unit};
pub use grid_csv::to_grid_csv;
pub use import::{rfc3339, FileUnderstood, Import, Interval, Meter, Reading, Readings};
pub use join::{onto, Joined, RegistersAt, WhReading};
pub use options::{DateOrder, Format, IntervalTime, Options};
pub use recognize::{read, Error, Input, MAX_FILE_BYTES};
pub use report::{Doubt, DoubtKind, LeftOut, Place};
