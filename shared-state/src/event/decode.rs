//! Events for people and tools: from the bytes of a log to names and values.

use super::*;

/// A field's value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Field<'a> {
    /// A number or a code.
    Number(u64),
    /// A time (Unix seconds).
    Time(i64),
    /// An address.
    Address(Pubkey),
    /// Zero-padded text: a meter id or a reference.
    Text(&'a [u8]),
    /// Validation rules.
    Rules(&'a Rules),
}

/// What can be a field of an event.
trait AsField {
    fn as_field(&self) -> Field<'_>;
}

macro_rules! numbers {
    ($($type:ty)*) => {
        $(impl AsField for $type {
            fn as_field(&self) -> Field<'_> {
                Field::Number((*self).into())
            }
        })*
    };
}
numbers!(u8 u16 u32 u64);

macro_rules! quantities {
    ($($type:ty)*) => {
        $(impl AsField for $type {
            fn as_field(&self) -> Field<'_> {
                self.0.as_field()
            }
        })*
    };
}
quantities!(Wh BaseUnits Bps);

impl AsField for i64 {
    fn as_field(&self) -> Field<'_> {
        Field::Time(*self)
    }
}

impl AsField for Pubkey {
    fn as_field(&self) -> Field<'_> {
        Field::Address(*self)
    }
}

impl<const SIZE: usize> AsField for [u8; SIZE] {
    fn as_field(&self) -> Field<'_> {
        Field::Text(self)
    }
}

impl AsField for Rules {
    fn as_field(&self) -> Field<'_> {
        Field::Rules(self)
    }
}

/// Declares [`Event`] and how to decode each.
macro_rules! decoder {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        /// Any event of the three programs.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum Event {
            $($(#[$doc])* $name($name),)*
        }

        impl Event {
            /// The names of all events: those of structs, and those of lists.
            pub const NAMES: &[&str] = &[
                $(stringify!($name),)*
                MeterReadingRecorded::LIST_NAME,
                MeterBalanceSettled::LIST_NAME,
            ];

            /// Decodes a log field: the items of a list, or any other event by itself. Nothing for other programs' data.
            pub fn decode(data: &[u8]) -> Vec<Self> {
                Self::try_decode(data).unwrap_or_default()
            }

            fn try_decode(data: &[u8]) -> Option<Vec<Self>> {
                let (discriminator, fields) = data.split_first_chunk::<8>()?;
                match *discriminator {
                    MeterReadingRecorded::LIST_DISCRIMINATOR => {
                        items(fields, Self::MeterReadingRecorded)
                    }
                    MeterBalanceSettled::LIST_DISCRIMINATOR => {
                        items(fields, Self::MeterBalanceSettled)
                    }
                    $($name::DISCRIMINATOR => {
                        Some(vec![Self::$name($name::try_from_slice(fields).ok()?)])
                    })*
                    _ => None,
                }
            }

            /// The event's name.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)*
                }
            }

            /// Its fields in order, with their names.
            pub fn fields(&self) -> Vec<(&'static str, Field<'_>)> {
                match self {
                    $(Self::$name(event) => vec![$((stringify!($field), event.$field.as_field())),*],)*
                }
            }
        }

        #[cfg(test)]
        mod layout {
            use super::*;

            #[test]
            fn borsh_bytes_are_memory_bytes() {
                $(crate::wire::assert_borsh_is_memory::<$name>();)*
            }

            #[test]
            fn every_event_decodes_to_itself() {
                $({
                    let event = $name::zeroed();
                    let mut data = $name::DISCRIMINATOR.to_vec();
                    data.extend(bytemuck::bytes_of(&event));
                    assert_eq!(Event::decode(&data), [Event::$name(event)]);
                    assert_eq!(Event::$name(event).fields().len(), [$(stringify!($field)),*].len());
                    data.pop();
                    assert_eq!(Event::decode(&data), []);
                })*
            }
        }
    };
}

event_list!(decoder);

/// The events of a list's one field, a Borsh `Vec`.
fn items<T: BorshDeserialize>(fields: &[u8], event: fn(T) -> Event) -> Option<Vec<Event>> {
    let items = Vec::<T>::try_from_slice(fields).ok()?;
    Some(items.into_iter().map(event).collect())
}
