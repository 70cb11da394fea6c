//! The IDLs in Anchor's format (`*-program/idl.json`) say what the code does: nothing missing, nothing else. No framework
//! makes them, so all but the prose in them is held against the code: bytes that Borsh writes or reads are read again as
//! the IDL says, and must come out as the text that `{:?}` makes of the Rust value.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    path::{Path, PathBuf},
    str::FromStr,
};

use borsh::BorshDeserialize;
use bytemuck::AnyBitPattern;
use oracle_program::instruction::{self as oracle, OracleInstruction};
use registry_program::instruction::{self as registry, RegistryInstruction, UnsettledBalance};
use serde_json::{json, Value};
use shared_state::{
    event::Event,
    pda::{
        find_mint, find_oracle_config, find_program_data, find_registry_config, find_token_config,
    },
    quantity::Wh,
    reading::{flags, ReadingOutcome},
    state::{
        AccountLayout, AccountType, Meter, MeterStatus, OracleConfig, RegistryConfig, Retirement,
        TokenConfig, LAYOUT_VERSION,
    },
    GridError,
};
use solana_program::{hash::hash, instruction::Instruction, pubkey::Pubkey};
use solana_sdk_ids::{system_program, sysvar};
use token_program::instruction::{self as token, TokenInstruction};

/// A program's IDL.
struct Idl {
    program: &'static str,
    file: Value,
}

#[test]
fn oracle() {
    let (program, authority, reporter) = (key("program"), key("authority"), key("reporter"));
    let readings = [(key("meter"), sample()), (key("meter"), sample())];
    let registry = key("registry_program");
    let idl = Idl::read("oracle");
    idl.check_instructions::<OracleInstruction>(&[
        oracle::initialize(&program, &key("upgrade_authority"), &key("payer"), sample()),
        oracle::submit_readings(&program, &reporter, &registry, true, &readings),
        oracle::submit_signed_readings(
            &program,
            &reporter,
            &registry,
            false,
            &[key("meter"), key("meter")],
        ),
        oracle::add_reporter(&program, &authority, &sample()),
        oracle::remove_reporter(&program, &authority, &sample()),
        oracle::set_rules(&program, &authority, sample()),
        oracle::set_active(&program, &authority, true),
        oracle::propose_authority(&program, &authority, &sample()),
        oracle::accept_authority(&program, &key("proposed_authority")),
    ]);
    idl.check_accounts(&[Idl::account::<OracleConfig>]);
    idl.check_the_rest();
}

#[test]
fn registry() {
    let (program, authority, owner) = (key("program"), key("authority"), key("owner"));
    let (meter, token, recipient) = (key("meter"), key("grid_token_program"), key("recipient"));
    let settler = key("owner_or_delegate");
    let first = ReadingOutcome {
        flags: flags::CHARGED,
        ..sample()
    };
    let outcomes = [(meter, first), (meter, sample())];
    let idl = Idl::read("registry");
    idl.check_instructions::<RegistryInstruction>(&[
        registry::initialize(&program, &key("upgrade_authority"), &key("payer"), sample()),
        registry::register_meter(&program, &authority, &key("payer"), sample()),
        registry::set_meter_status(
            &program,
            &key("authority_or_owner"),
            &meter,
            MeterStatus::Suspended,
        ),
        registry::record_readings(&program, &key("oracle_authority"), &outcomes),
        registry::settle_and_mint_tokens(&program, &meter, &settler, &token, &recipient),
        registry::settle_many_and_mint_tokens(&program, &[meter], &settler, &token, &recipient),
        registry::set_delegate(&program, &owner, &meter, &sample()),
        registry::propose_meter_owner(&program, &owner, &meter, &sample()),
        registry::accept_meter_owner(&program, &key("proposed_owner"), &meter),
        registry::replace_device(&program, &authority, &meter, sample()),
        registry::update_meter_limits(&program, &authority, &meter, sample()),
        registry::set_config(&program, &authority, sample()),
        registry::propose_authority(&program, &authority, &sample()),
        registry::accept_authority(&program, &key("proposed_authority")),
        registry::get_unsettled_balance(&program, &meter, &token),
        registry::correct_registers(&program, &authority, &meter, sample()),
    ]);
    idl.check_accounts(&[Idl::account::<RegistryConfig>, Idl::account::<Meter>]);
    idl.check_the_rest();

    let returned = &idl.instruction("get_unsettled_balance")["returns"];
    let bytes = noise(size_of::<UnsettledBalance>());
    let balance: UnsettledBalance = bytemuck::pod_read_unaligned(&bytes);
    assert_eq!(
        idl.show_all(returned, &bytes),
        plain(&format!("{balance:?}"))
    );
}

#[test]
fn token() {
    let (program, authority) = (key("program"), key("authority"));
    let (upgrade, registry) = (key("upgrade_authority"), key("registry_authority"));
    let idl = Idl::read("token");
    idl.check_instructions::<TokenInstruction>(&[
        token::initialize(&program, &upgrade, &key("payer"), &sample()),
        token::mint_settled(
            &program,
            &registry,
            &key("recipient"),
            Wh(0x0102_0304_0506_0708),
        ),
        token::set_minting_enabled(&program, &authority, true),
        token::set_mint_limit(&program, &authority, sample()),
        token::retire_tokens(
            &program,
            &key("holder"),
            &key("token_account"),
            &key("payer"),
            sample(),
        ),
        token::set_registry_authority(&program, &upgrade, &sample()),
        token::propose_authority(&program, &authority, &sample()),
        token::accept_authority(&program, &key("proposed_authority")),
    ]);
    idl.check_accounts(&[Idl::account::<TokenConfig>, Idl::account::<Retirement>]);
    idl.check_the_rest();
}

#[test]
fn every_event_is_in_some_idl() {
    let mut described = BTreeSet::new();
    for program in ["oracle", "registry", "token"] {
        described.extend(Idl::read(program).names("events"));
    }
    described.insert(ONLY_LISTED.into());
    let all: BTreeSet<_> = Event::NAMES.iter().map(|name| name.to_string()).collect();
    assert_eq!(described, all);
}

/// The one event that is never logged by itself.
const ONLY_LISTED: &str = "MeterReadingRecorded";

/// Which program's accounts these are: a new type has to be given a place here, and in a test above.
fn program_of(account: AccountType) -> &'static str {
    match account {
        AccountType::OracleConfig => "oracle",
        AccountType::RegistryConfig | AccountType::Meter => "registry",
        AccountType::TokenConfig | AccountType::Retirement => "token",
    }
}

impl Idl {
    fn read(program: &'static str) -> Self {
        let text = std::fs::read_to_string(folder(program).join("idl.json")).expect("an IDL");
        let file = serde_json::from_str(&text).expect("JSON");
        Self { program, file }
    }

    fn list(&self, key: &str) -> &[Value] {
        self.file[key].as_array().expect(key)
    }

    fn names(&self, key: &str) -> BTreeSet<String> {
        self.list(key).iter().map(name).map(String::from).collect()
    }

    fn instruction(&self, wanted: &str) -> &Value {
        let mut all = self.list("instructions").iter();
        all.find(|instruction| name(instruction) == wanted)
            .expect(wanted)
    }

    /// Tags, names, arguments and accounts. `built`: every instruction, built with the keys that the IDL's names for
    /// its accounts give, in the order of the tags.
    fn check_instructions<T: BorshDeserialize + Debug>(&self, built: &[Instruction]) {
        // A tag that the program knows is one that Borsh can read some number of zeros after.
        let known = |tag: &u8| {
            (0..512)
                .any(|zeros| T::try_from_slice(&[&[*tag], &vec![0; zeros][..]].concat()).is_ok())
        };
        let tags: Vec<u8> = (0..=u8::MAX).filter(known).collect();
        let built_tags: Vec<u8> = built.iter().map(|built| built.data[0]).collect();
        assert_eq!(built_tags, tags, "{}: build them all", self.program);
        assert_eq!(self.list("instructions").len(), tags.len());
        for (described, built) in self.list("instructions").iter().zip(built) {
            let name = name(described);
            assert_eq!(described["discriminator"], json!([built.data[0]]), "{name}");

            let value = T::try_from_slice(&built.data).expect("what was built");
            let mut rest = &built.data[1..];
            let mut fields = Vec::new();
            let mut arguments = BTreeMap::new();
            for argument in described["args"].as_array().expect("arguments") {
                let before = rest;
                fields.push(self.show_field(argument, &mut rest));
                let used = before.len() - rest.len();
                arguments.insert(argument["name"].to_string(), &before[..used]);
            }
            assert!(rest.is_empty(), "{name} has more arguments");
            // RegisterMeter(RegisterMeter { meter_id: ... }), RecordReadings([...]) or AcceptAuthority.
            let text = format!("{value:?}");
            let (variant, payload) = match text.split_once('(') {
                Some((variant, payload)) => (variant, payload.strip_suffix(')').expect("an end")),
                None => (&text[..], ""),
            };
            assert_eq!(variant, pascal(name));
            let payload = payload.trim_start_matches(char::is_alphanumeric);
            let described_payload = match &fields[..] {
                [] => String::new(),
                [list] if payload.starts_with('[') => {
                    list.split_once(' ').expect("a name").1.into()
                }
                fields => format!(" {{ {} }}", fields.join(", ")),
            };
            assert_eq!(described_payload, plain(payload), "{name}");
            self.check_metas(described, built, &arguments);
        }
    }

    /// The accounts of one instruction: flags and addresses.
    fn check_metas(
        &self,
        described: &Value,
        built: &Instruction,
        arguments: &BTreeMap<String, &[u8]>,
    ) {
        let instruction = name(described);
        let accounts = described["accounts"].as_array().expect("accounts");
        assert!(accounts.len() <= built.accounts.len(), "{instruction}");
        let (fixed, further) = built.accounts.split_at(accounts.len());
        for (account, meta) in accounts.iter().zip(fixed) {
            let name = name(account);
            let place = format!("{instruction}: {name}");
            assert_eq!(account["signer"] == json!(true), meta.is_signer, "{place}");
            assert_eq!(
                account["writable"] == json!(true),
                meta.is_writable,
                "{place}"
            );
            let derived = if let Some(address) = account["address"].as_str() {
                Some(Pubkey::from_str(address).expect("an address"))
            } else if let Some(seeds) = account["pda"]["seeds"].as_array() {
                let seeds: Vec<Vec<u8>> = seeds.iter().map(|seed| bytes(seed, arguments)).collect();
                let seeds: Vec<&[u8]> = seeds.iter().map(|seed| &seed[..]).collect();
                let program = match account["pda"].get("program") {
                    Some(seed) => Pubkey::try_from(bytes(seed, arguments)).expect("a key"),
                    None => key("program"),
                };
                Some(Pubkey::find_program_address(&seeds, &program).0)
            } else {
                None
            };
            assert_eq!(meta.pubkey, derived.unwrap_or(meta.pubkey), "{place}");
            // The address that belongs to the name, and whether the format can say where it comes from.
            let (expected, derivable) = match name {
                "oracle_config" => (find_oracle_config(&self.key_of("oracle")).0, true),
                "registry_config" => (find_registry_config(&self.key_of("registry")).0, true),
                // Not from a program that isn't among the accounts.
                "token_config" => (
                    find_token_config(&self.key_of("token")).0,
                    instruction != "get_unsettled_balance",
                ),
                "grid_mint" => (
                    find_mint(&self.key_of("token")).0,
                    instruction != "get_unsettled_balance",
                ),
                "system_program" => (system_program::ID, true),
                "spl_token_program" => (spl_token::ID, true),
                "instructions_sysvar" => (sysvar::instructions::ID, true),
                // Its seed is in the arguments only when it is registered.
                "meter" if instruction == "register_meter" => (meta.pubkey, true),
                "retirement" => (meta.pubkey, true),
                // Its seed is the program's own address.
                "program_data" => (find_program_data(&key("program")), false),
                name => (key(name), false),
            };
            assert_eq!(derived.is_some(), derivable, "{place}");
            assert_eq!(meta.pubkey, expected, "{place}");
        }
        // A number of accounts that varies is beyond the format: the documentation tells of them.
        let told = described["docs"].to_string().contains("Further accounts");
        assert_eq!(told, !further.is_empty(), "{instruction}");
        for meta in further {
            assert_eq!(meta.pubkey, key("meter"), "{instruction}");
            assert!(meta.is_writable && !meta.is_signer, "{instruction}");
        }
    }

    /// The key of one of the programs: this one, or one that it is told of.
    fn key_of(&self, program: &str) -> Pubkey {
        match program {
            program if program == self.program => key("program"),
            "token" => key("grid_token_program"),
            program => key(&format!("{program}_program")),
        }
    }

    fn check_accounts(&self, accounts: &[fn(&Self) -> Value]) {
        let expected: Vec<Value> = accounts.iter().map(|account| account(self)).collect();
        assert_eq!(self.file["accounts"], json!(expected));
    }

    /// An account as it must be listed. Checks its layout. Its type and version are the discriminator, so its header
    /// lacks them.
    fn account<T: AccountLayout + BorshDeserialize + Debug>(&self) -> Value {
        assert_eq!(program_of(T::TYPE), self.program);
        let discriminator = [T::TYPE as u8, LAYOUT_VERSION];
        let mut data = noise(T::SIZE);
        data[..2].copy_from_slice(&discriminator);
        let text = plain(&format!("{:?}", T::try_from_slice(&data).expect(T::NAME)));
        let first = format!(
            "account_type: {}, version: {}, ",
            discriminator[0], discriminator[1]
        );
        assert!(text.contains(&first), "{text}");
        let described = json!({ "defined": { "name": T::NAME } });
        assert_eq!(
            self.show_all(&described, &data[2..]),
            text.replacen(&first, "", 1)
        );
        json!({ "name": T::NAME, "discriminator": discriminator })
    }

    /// Metadata, events, errors and types.
    fn check_the_rest(&self) {
        let metadata = &self.file["metadata"];
        assert_eq!(metadata["name"], format!("{}_program", self.program));
        assert_eq!(metadata["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(metadata["spec"], "0.1.0");
        let address = self.file["address"].as_str().expect("an address");
        assert!(Pubkey::from_str(address).is_ok(), "{address}");

        self.check_events();

        let errors = (0..1_000).filter_map(GridError::from_code).map(|error| {
            json!({ "code": error.code(), "name": format!("{error:?}"), "msg": error.to_string() })
        });
        assert_eq!(self.file["errors"], Value::from_iter(errors));

        let mut used = self.names("accounts");
        used.extend(self.names("events"));
        collect_defined(&self.file, &mut used);
        assert_eq!(self.names("types"), used);
        assert_eq!(self.list("types").len(), used.len(), "a type stands twice");
    }

    /// The events of this program: those that its processors log.
    fn check_events(&self) {
        let mut code = String::new();
        for file in std::fs::read_dir(folder(self.program).join("src/processor")).expect("code") {
            code += &std::fs::read_to_string(file.expect("a file").path()).expect("text");
        }
        let logged = |name: &&&str| match **name {
            // Logged by what the programs share.
            "AuthorityProposed" => code.contains("propose_authority"),
            "AuthorityChanged" => code.contains("accept_authority"),
            ONLY_LISTED => false,
            "MeterReadingsRecorded" => code.contains("EventList<MeterReadingRecorded>"),
            "MeterBalancesSettled" => {
                code.contains("MeterBalanceSettled {") && code.contains("settled.emit()")
            }
            name => code.contains(&format!("{name} {{")) || code.contains(&format!("{name}::")),
        };
        let logged: BTreeSet<_> = Event::NAMES
            .iter()
            .filter(logged)
            .map(|n| n.to_string())
            .collect();
        assert_eq!(self.names("events"), logged);
        assert_eq!(self.list("events").len(), logged.len());

        for event in self.list("events") {
            let name = name(event);
            let hash = hash(format!("event:{name}").as_bytes()).to_bytes();
            assert_eq!(event["discriminator"], json!(hash[..8]), "{name}");
            let mut fields = noise(1_024);
            // The one field of a list.
            let list = match name {
                "MeterReadingsRecorded" => Some("readings"),
                "MeterBalancesSettled" => Some("settlements"),
                _ => None,
            };
            if list.is_some() {
                fields[..4].copy_from_slice(&2u32.to_le_bytes());
            }
            let mut rest = &fields[..];
            let described = self.show(&json!({ "defined": { "name": name } }), &mut rest);
            let size = fields.len() - rest.len();
            // Decodes nothing but exactly the event's size.
            let events = Event::decode(&[&hash[..8], &fields[..size]].concat());
            let texts: Vec<String> = events.iter().map(|event| format!("{event:?}")).collect();
            let texts: Vec<&str> = texts
                .iter()
                .filter_map(|text| text.split_once('(')?.1.strip_suffix(')'))
                .collect();
            let expected = match list {
                Some(field) => format!("{name} {{ {field}: [{}] }}", texts.join(", ")),
                None => texts.concat(),
            };
            assert_eq!(described, plain(&expected));
        }
    }

    /// Reads Borsh bytes as the IDL says, and returns the text of `{:?}` for the Rust type that it describes.
    fn show(&self, described: &Value, data: &mut &[u8]) -> String {
        fn read<T: BorshDeserialize + Debug>(data: &mut &[u8]) -> String {
            format!("{:?}", T::deserialize(data).expect("enough bytes"))
        }
        match described.as_str() {
            Some("bool") => return plain(&read::<bool>(data)),
            Some("u8") => return read::<u8>(data),
            Some("u16") => return read::<u16>(data),
            Some("u32") => return read::<u32>(data),
            Some("u64") => return read::<u64>(data),
            Some("i64") => return read::<i64>(data),
            Some("pubkey") => return read::<Pubkey>(data),
            Some(other) => panic!("{}: no field has the type {other}", self.program),
            None => {}
        }
        if let Some(name) = described["defined"]["name"].as_str() {
            let mut types = self.list("types").iter();
            let found = types.find(|found| found["name"] == name).expect(name);
            assert_eq!(found["type"]["kind"], "struct", "{name}");
            let fields = found["type"]["fields"].as_array().expect(name).iter();
            let fields: Vec<String> = fields.map(|field| self.show_field(field, data)).collect();
            return format!("{name} {{ {} }}", fields.join(", "));
        }
        let (item, count) = match described["array"].as_array() {
            Some(array) => (&array[0], array[1].as_u64().expect("a length")),
            None => {
                let count = u32::deserialize(data).expect("a count");
                (&described["vec"], count.into())
            }
        };
        let items: Vec<String> = (0..count).map(|_| self.show(item, data)).collect();
        format!("[{}]", items.join(", "))
    }

    fn show_field(&self, field: &Value, data: &mut &[u8]) -> String {
        format!("{}: {}", name(field), self.show(&field["type"], data))
    }

    fn show_all(&self, described: &Value, mut data: &[u8]) -> String {
        let text = self.show(described, &mut data);
        assert!(data.is_empty(), "{described} is too short");
        text
    }
}

fn folder(program: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../{program}-program"))
}

fn name(value: &Value) -> &str {
    value["name"].as_str().expect("a name")
}

/// `set_meter_status` as `SetMeterStatus`.
fn pascal(snake: &str) -> String {
    let word = |word: &str| word[..1].to_uppercase() + &word[1..];
    snake.split('_').map(word).collect()
}

/// Rust's text without what the format has no word for: quantities are their numbers, and a Borsh `bool` is a byte, as which
/// some structs take it.
fn plain(text: &str) -> String {
    let mut text = text.replace("true", "1").replace("false", "0");
    for quantity in ["Wh(", "BaseUnits(", "Bps("] {
        while let Some(start) = text.find(quantity) {
            let number = start + quantity.len();
            let end = number + text[number..].find(')').expect("its end");
            text.replace_range(end..=end, "");
            text.replace_range(start..number, "");
        }
    }
    text
}

/// The bytes of a seed: a constant, an argument or the key of an account.
fn bytes(seed: &Value, arguments: &BTreeMap<String, &[u8]>) -> Vec<u8> {
    match seed["kind"].as_str() {
        Some("const") => serde_json::from_value(seed["value"].clone()).expect("bytes"),
        Some("arg") => arguments[&seed["path"].to_string()].to_vec(),
        Some("account") => key(seed["path"].as_str().expect("a name"))
            .to_bytes()
            .to_vec(),
        _ => panic!("no seed of ours is a {seed}"),
    }
}

/// Adds the names of all types that an IDL refers to.
fn collect_defined(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            if let Some(name) = object.get("defined") {
                names.insert(name["name"].as_str().expect("a name").into());
            }
            object
                .values()
                .for_each(|value| collect_defined(value, names));
        }
        Value::Array(array) => array.iter().for_each(|value| collect_defined(value, names)),
        _ => {}
    }
}

/// A key that is known by its name.
fn key(name: &str) -> Pubkey {
    let mut bytes = [0; 32];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Pubkey::new_from_array(bytes)
}

/// Bytes that differ from their neighbours, and make numbers that are negative if they can be.
fn noise(length: usize) -> Vec<u8> {
    let byte = |place: u32| (place.wrapping_mul(0x9E37_79B1) >> 24) as u8 | 0x80;
    (1..=length as u32).map(byte).collect()
}

/// A value in which each field differs from the others.
fn sample<T: AnyBitPattern>() -> T {
    bytemuck::pod_read_unaligned(&noise(size_of::<T>()))
}
