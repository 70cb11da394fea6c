//! Random histories: everything that anybody can do, in any order, and what must hold after each step.
//!
//! 1. The meters' settled energy is what was minted, and the supply is that less what was burned.
//! 2. A meter's settled energy never goes down and never exceeds the highest net generation that it has had.
//! 3. Nothing is minted without settling a meter by the same energy.
//! 4. A failed transaction changes nothing.
//! 5. What became claimable stays claimable until it is settled, consumed or corrected.
//! 6. A register that no meter can have shown at its time is never counted.
//!
//! [`World`] itself sees to 1 and 2 after each transaction.

mod invariants;

use std::sync::Arc;

use gridtoken_tests::{TestMeter, World};
use oracle_program::instruction::set_rules;
use registry_program::instruction::{set_delegate, settle_many_and_mint_tokens};
use shared_state::{
    quantity::{BaseUnits, Bps, Wh},
    reading::Reading,
    state::{MeterStatus, Rules},
};
use solana_keypair::Keypair;
use solana_program::{instruction::Instruction, pubkey::Pubkey};
use solana_signer::Signer;
use token_program::instruction::{retire_tokens, set_mint_limit, RetireTokens, SetMintLimit};

use invariants::{check_claimable, check_physics, check_supply, State};

/// SplitMix64: the same history for the same seed, whatever the libraries.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }

    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end.max(1)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// A step that is about to be taken.
struct Step {
    what: &'static str,
    signers: Vec<Arc<Keypair>>,
    instructions: Vec<Instruction>,
}

struct History {
    world: World,
    dice: Dice,
    meters: Vec<TestMeter>,
    /// What each meter's display shows.
    truth: Vec<[u64; 2]>,
    delegate: Arc<Keypair>,
    nonce: u64,
    burning: u64,
}

impl History {
    async fn new(seed: u64) -> Self {
        let mut world = World::new().await;
        let delegate = Arc::new(Keypair::new());
        let mut meters: Vec<TestMeter> = Vec::new();
        let plates = [
            (10_000, 0, 0),
            (1_000_000, 0, 12_345_678),
            (100_000, 1_000_000, 990_000),
            (100_000, 1 << 32, (1 << 32) - 50_000),
        ];
        for (index, (capacity, modulus, register)) in plates.into_iter().enumerate() {
            let (owner, wallet) = match meters.first() {
                Some(first) if index < 3 => (first.owner.clone(), first.wallet),
                _ => world.owner().await,
            };
            let mut args = World::registration(&format!("M-{index}"), &owner.pubkey());
            args.delegate = delegate.pubkey();
            args.generation_capacity_w = capacity;
            args.consumption_capacity_w = capacity;
            args.register_modulus = Wh(modulus);
            args.generation_register = Wh(register);
            args.consumption_register = Wh(register);
            meters.push(world.register(args, owner, wallet).await);
        }
        let truth = plates.map(|(_, _, register)| [register; 2]).to_vec();
        Self {
            world,
            dice: Dice(seed),
            meters,
            truth,
            delegate,
            nonce: 0,
            burning: 0,
        }
    }

    async fn state(&mut self) -> State {
        let mut meters = Vec::new();
        for meter in &self.meters {
            meters.push(self.world.meter(meter).await);
        }
        State {
            meters,
            oracle: self.world.oracle_config().await,
            registry: self.world.registry_config().await,
            token: self.world.token_config().await,
            supply: self.world.supply().await,
        }
    }

    /// Lets time pass, and the meters count.
    async fn wait(&mut self, state: &State) {
        let usual = [900; 8];
        let others = [0, 30, 60, 300, 1_800, 7_200, 86_400, 10 * 86_400];
        let seconds = self.dice.pick(&[usual, others].concat());
        self.world.pass_time(seconds).await;
        for (truth, meter) in self.truth.iter_mut().zip(&state.meters) {
            let capacities = [
                meter.state.generation_capacity_w,
                meter.state.consumption_capacity_w,
            ];
            // It uses half of what it could.
            for ((register, capacity), share) in truth.iter_mut().zip(capacities).zip([1, 2]) {
                let most = u64::from(capacity) * seconds as u64 / 3_600 / share;
                *register += most * self.dice.below(101) / 100;
                let modulus = meter.state.register_modulus.0;
                if modulus > 0 {
                    *register %= modulus;
                }
            }
        }
    }

    /// One to four readings, most of them true.
    fn readings(&mut self, state: &State) -> Step {
        let mut readings = Vec::new();
        for _ in 0..=self.dice.below(4) {
            let index = self.dice.below(self.meters.len() as u64) as usize;
            let [generation, consumption] = self.truth[index];
            let mut registers = [generation, consumption];
            let mut timestamp = self.world.now;
            let direction = self.dice.below(2) as usize;
            let meter = &state.meters[index].state;
            let capacity = u64::from(meter.generation_capacity_w);
            match self.dice.below(20) {
                0 => registers[direction] = self.dice.roll(),
                1 => registers[direction] += self.dice.below(capacity * 10),
                2 => registers[direction] += self.dice.below(capacity / 2),
                3 => registers[direction] = registers[direction].saturating_sub(1),
                4 => registers[direction] = self.dice.pick(&[0, u64::MAX, 1 << 32, 999_999]),
                5 => timestamp += self.dice.pick(&[60, 61, 100_000]),
                6 => timestamp -= self.dice.pick(&[1, 60, 900, 8 * 86_400]),
                _ => (),
            }
            let reading = Reading {
                timestamp,
                ..self.world.reading(registers[0], registers[1])
            };
            readings.push((self.meters[index].address, reading));
        }
        Step {
            what: "readings",
            signers: vec![self.world.reporter.clone()],
            instructions: vec![match self.dice.below(4) {
                0 => self.world.submit(&readings),
                _ => self.world.submit_recorded(&readings),
            }],
        }
    }

    fn settlement(&mut self) -> Step {
        let meter = &self.meters[self.dice.below(self.meters.len() as u64) as usize];
        let claimant = match self.dice.below(3) {
            0 => self.delegate.clone(),
            _ => meter.owner.clone(),
        };
        let deployment = self.world.deployment;
        let (owner, key) = (meter.owner.pubkey(), claimant.pubkey());
        let many: Vec<Pubkey> = [2, 0, 1, 2].map(|index| self.meters[index].address).into();
        let settle = match self.dice.below(3) {
            0 => settle_many_and_mint_tokens(
                &deployment.registry_program,
                &many,
                &key,
                &deployment.token_program,
                &self.meters[0].wallet,
            ),
            _ => deployment.settle(&meter.address, &owner, &key),
        };
        Step {
            what: "settlement",
            signers: vec![claimant],
            instructions: vec![settle],
        }
    }

    /// What the registry authority does to a meter.
    async fn upkeep(&mut self, state: &State) -> Step {
        let index = self.dice.below(self.meters.len() as u64) as usize;
        let meter = &self.meters[index];
        let registers = state.meters[index].state;
        let last = [
            registers.generation_register.0,
            registers.consumption_register.0,
        ];
        let [generation, consumption] = self.truth[index];
        let (what, instruction) = match self.dice.below(9) {
            0 | 1 => {
                // To what the display shows, where that is less.
                let to = [generation.min(last[0]), consumption.min(last[1])];
                (
                    "correction",
                    self.world.correction(meter, to[0], to[1]).await,
                )
            }
            2 => {
                let to = last.map(|last| last - self.dice.below(50_000).min(last));
                (
                    "correction",
                    self.world.correction(meter, to[0], to[1]).await,
                )
            }
            3 | 4 => {
                // The same device, what its display shows, or another one.
                let to = match self.dice.below(3) {
                    0 => last,
                    1 => self.truth[index],
                    _ => [self.dice.below(999_999), self.dice.below(999_999)],
                };
                if to != last {
                    self.truth[index] = to;
                }
                let replace = self.world.replacement(meter, to[0], to[1]).await;
                ("replacement", replace)
            }
            5 => {
                let [generation, consumption] =
                    [(); 2].map(|()| self.dice.pick(&[10_000, 100_000, 1_000_000]));
                ("limits", self.world.limits(meter, generation, consumption))
            }
            6 => ("registration", {
                let args = World::registration(&format!("M-{index}"), &meter.owner.pubkey());
                let (authority, payer) = (self.world.authority.pubkey(), self.world.payer.pubkey());
                self.world
                    .deployment
                    .register_meter(&authority, &payer, args)
            }),
            _ => {
                use MeterStatus::{Active, Inactive, Suspended};
                let status = self
                    .dice
                    .pick(&[Active, Active, Active, Inactive, Suspended]);
                let authority = self.world.authority.pubkey();
                let deployment = self.world.deployment;
                let set = deployment.set_meter_status(&authority, &meter.address, status);
                ("status", set)
            }
        };
        Step {
            what,
            signers: vec![self.world.authority.clone()],
            instructions: vec![instruction],
        }
    }

    /// What changes for all.
    fn configuration(&mut self) -> Step {
        let (deployment, authority) = (self.world.deployment, self.world.authority.clone());
        let key = authority.pubkey();
        let instruction = match self.dice.below(5) {
            0 => {
                let minimum = self.dice.pick(&[0, 5_000, 8_500, 8_501]);
                self.world.minimum(minimum, 0)
            }
            1 => deployment.set_minting_enabled(&key, self.dice.below(10) > 0),
            2 | 3 => {
                let limit = SetMintLimit {
                    burst: BaseUnits(self.dice.pick(&[0, 1_000_000, 50_000_000_000])),
                    rate_per_second: BaseUnits(self.dice.pick(&[0, 1, 1_000_000, u64::MAX])),
                };
                set_mint_limit(&deployment.token_program, &key, limit)
            }
            _ => {
                let rules = Rules {
                    power_tolerance: Bps(self.dice.pick(&[0, 500, 1_000, 1_001])),
                    jump_factor: self.dice.pick(&[1, 2, 10]),
                    expected_interval: self.dice.pick(&[900, 3_600]),
                    ..Rules::default()
                };
                set_rules(&deployment.oracle_program, &key, rules)
            }
        };
        Step {
            what: "configuration",
            signers: vec![authority],
            instructions: vec![instruction],
        }
    }

    /// What holders and owners do.
    async fn owners(&mut self) -> Step {
        let meter = &self.meters[self.dice.below(self.meters.len() as u64) as usize];
        let (owner, wallet) = (meter.owner.clone(), meter.wallet);
        let (key, deployment) = (owner.pubkey(), self.world.deployment);
        let some = self.dice.below(self.world.balance(&wallet).await + 2);
        let (what, instruction) = match self.dice.below(4) {
            0 | 1 => {
                self.nonce += 1;
                let args = RetireTokens {
                    amount: BaseUnits(some),
                    nonce: self.nonce - self.dice.below(2),
                    beneficiary: key,
                    reference: [0; 64],
                };
                let payer = self.world.payer.pubkey();
                let retire = retire_tokens(&deployment.token_program, &key, &wallet, &payer, args);
                ("retirement", retire)
            }
            2 => {
                self.burning = some;
                let mint = deployment.mint();
                let burn =
                    spl_token::instruction::burn(&spl_token::ID, &wallet, &mint, &key, &[], some);
                ("burning", burn.expect("an instruction"))
            }
            _ => {
                let delegate = self.dice.pick(&[self.delegate.pubkey(), Pubkey::default()]);
                let registry = &deployment.registry_program;
                let set = set_delegate(registry, &key, &meter.address, &delegate);
                ("delegate", set)
            }
        };
        Step {
            what,
            signers: vec![owner],
            instructions: vec![instruction],
        }
    }

    /// Takes a step, and checks what came of it. Returns what it was and whether it succeeded.
    async fn step(&mut self) -> (&'static str, bool) {
        let before = self.state().await;
        self.wait(&before).await;
        let step = match self.dice.below(20) {
            0..=10 => self.readings(&before),
            11..=14 => self.settlement(),
            15..=17 => self.upkeep(&before).await,
            18 => self.configuration(),
            _ => self.owners().await,
        };
        let signers: Vec<_> = step.signers.iter().map(Arc::as_ref).collect();
        let sent = self.world.try_send_all(&signers, &step.instructions).await;
        let after = self.state().await;
        if sent.is_err() {
            assert_eq!(after, before, "a failed {} changed something", step.what);
            return (step.what, false);
        }
        if step.what == "burning" {
            self.world.burned += self.burning;
        }
        let Ok(receipt) = sent else { unreachable!() };
        println!("{}: {:?}", step.what, receipt.events());
        check_supply(step.what, &before, &after);
        for (before_meter, after_meter) in before.meters.iter().zip(&after.meters) {
            check_claimable(step.what, before_meter, after_meter);
            check_physics(&before.oracle.rules, before_meter, after_meter);
        }
        (step.what, true)
    }
}

async fn history(seed: u64) {
    let mut history = History::new(seed).await;
    let mut taken = std::collections::BTreeMap::<_, [u32; 2]>::new();
    for _ in 0..400 {
        let (what, succeeded) = history.step().await;
        taken.entry(what).or_default()[usize::from(succeeded)] += 1;
        let audit = history.world.audit().await;
        assert_eq!(audit.meters, 4);
    }
    println!("failed and succeeded: {taken:?}");
    for what in ["readings", "settlement", "correction", "replacement"] {
        assert!(taken[what][1] > 3, "{taken:?}");
    }
    let (mut accepted, mut rejected) = (0, 0);
    for meter in history.state().await.meters {
        println!(
            "{} Wh generated, {} consumed, {} settled; {} readings accepted, {} rejected",
            meter.total_generation,
            meter.total_consumption,
            meter.settled_net_generation,
            meter.state.accepted_count,
            meter.rejected_count
        );
        accepted += meter.state.accepted_count;
        rejected += meter.rejected_count;
    }
    assert!(accepted > 80 && rejected > 80, "{accepted}, {rejected}");
}

#[tokio::test]
async fn first_history() {
    history(1).await;
}

#[tokio::test]
async fn second_history() {
    history(2).await;
}

#[tokio::test]
async fn third_history() {
    history(3).await;
}

#[tokio::test]
async fn fourth_history() {
    history(4).await;
}
