//! Where in the transaction the signatures stand: right before the instruction that leads to the oracle, as many as meters.

use super::*;
use solana_signer::Signer;

#[tokio::test]
async fn the_signatures_must_be_right_before() {
    for kind in KINDS {
        let (mut world, meters) = world_of::<3>(kind).await;
        let [first, second, third] = &meters;
        let readings = [world.reading(1_000, 500)];
        let [one, two, three] = meters.each_ref().map(|meter| world.sign(meter, &readings));
        let verify_one = verify(std::slice::from_ref(&one));
        let verify_two = verify(&[one.clone(), two.clone()]);
        let payer = world.payer.pubkey();
        let transfer = |lamports| {
            let to = Pubkey::new_from_array([9; 32]);
            solana_system_interface::instruction::transfer(&payer, &to, lamports)
        };
        let other = transfer(1_000_000);
        let submit_one = world.submit_signed(true, &[first]);
        let submit_two = world.submit_signed(true, &[first, second]);
        let submit_three = world.submit_signed(true, &[first, second, third]);
        let each = [&one, &two, &three].map(|signed| verify(std::slice::from_ref(signed)));
        let missing = GridError::SignaturesMissing;
        for (what, instructions, error) in [
            ("missing", vec![submit_one.clone()], missing),
            (
                "another instruction instead",
                vec![other.clone(), submit_one.clone()],
                missing,
            ),
            (
                "another one in between",
                vec![verify_one.clone(), other.clone(), submit_one.clone()],
                missing,
            ),
            (
                "another one between two",
                vec![
                    each[0].clone(),
                    other.clone(),
                    each[1].clone(),
                    submit_two.clone(),
                ],
                missing,
            ),
            (
                "fewer than meters",
                vec![verify_one.clone(), submit_two.clone()],
                missing,
            ),
            (
                "fewer in two instructions",
                vec![each[0].clone(), each[1].clone(), submit_three.clone()],
                missing,
            ),
            (
                "more than meters",
                vec![verify_two.clone(), submit_one.clone()],
                missing,
            ),
            (
                "more in two instructions",
                vec![verify_two.clone(), each[2].clone(), submit_two.clone()],
                missing,
            ),
            (
                "in three instructions",
                [&each[..], std::slice::from_ref(&submit_three)].concat(),
                missing,
            ),
            (
                "somebody else's in between",
                vec![each[0].clone(), each[1].clone(), submit_one.clone()],
                GridError::SignatureMismatch,
            ),
        ] {
            refuse(&mut world, what, &instructions, error).await;
        }
        // Behind it.
        let behind = [submit_one.clone(), verify_one.clone()];
        let error = send(&mut world, &behind).await.expect_err("too late");
        assert_eq!(error.grid_error(), Some((0, missing)));
        // Those of the submission before don't count again.
        let once_more = [verify_one.clone(), submit_one.clone(), submit_one.clone()];
        refuse(&mut world, "a second submission", &once_more, missing).await;

        // Somebody else's signatures before them, other instructions around: that is not our affair.
        let instructions = [
            other,
            each[2].clone(),
            verify_one,
            submit_one,
            transfer(2_000_000),
        ];
        accept(&mut world, &instructions).await;
    }
}
