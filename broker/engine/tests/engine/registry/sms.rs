//! SMS preferences, numbers that opted out, and the sandbox.

use super::run;

#[test]
fn preferences() {
    run("
        get-sms -> nothing
        set-sms DefaultSMSType=Transactional MonthlySpendLimit=10
        set-sms DefaultSenderID=Shop
        restart
        get-sms -> DefaultSMSType=Transactional DefaultSenderID=Shop MonthlySpendLimit=10
        set-sms DefaultSenderID= MonthlySpendLimit=5
        get-sms -> DefaultSMSType=Transactional MonthlySpendLimit=5
        set-sms DefaultSMSType=Promotional MonthlySpendLimit=many -> InvalidParameter: MonthlySpendLimit is invalid
        get-sms -> DefaultSMSType=Transactional MonthlySpendLimit=5
        set-sms Nonsense=1 -> InvalidParameter: Nonsense is not a valid attribute
        caller 111111111111
        get-sms -> nothing
        caller anonymous
        get-sms -> AuthorizationError
        set-sms DefaultSenderID=Shop -> AuthorizationError
    ");
}

#[test]
fn opting_out_and_in() {
    run("
        opted-out +12345678 -> false
        opt-in +12345678
        list-opted-out -> nothing
        opt-out +12345679
        opt-out +12345678
        opt-out +12345678
        opted-out +12345678 -> true
        restart
        list-opted-out -> +12345678 +12345679
        list-opted-out after=+12345678 -> +12345679
        caller 111111111111
        opted-out +12345678 -> false
        list-opted-out -> nothing
        caller 000000000000
        opt-in +12345678
        opted-out +12345678 -> false
        list-opted-out -> +12345679
        opt-out-as-caller +12345678 -> AccessDenied
        caller anonymous
        opted-out +12345678 -> AuthorizationError
        opt-in +12345678 -> AuthorizationError
        list-opted-out -> AuthorizationError
    ");
}

#[test]
fn a_number_is_opted_in_once_in_thirty_days() {
    run("
        opt-out +12345678
        opt-in +12345678
        opt-in +12345678
        opt-out +12345678
        opt-in +12345678 -> InvalidParameter: Invalid parameter: phoneNumber Reason: a phone number can be opted in only once every 30 days
        restart
        advance 2591999
        opt-in +12345678 -> InvalidParameter
        advance 1
        opt-in +12345678
        opted-out +12345678 -> false
    ");
}

#[test]
fn pages_of_numbers() {
    let numbers: String = (0..101).map(|number| format!("opt-out +12345{number:03}\n")).collect();
    let listed: String = (0..100).map(|number| format!(" +12345{number:03}")).collect();
    run(&format!(
        "
        {numbers}
        list-opted-out ->{listed} more
        list-opted-out after=+12345099 -> +12345100
        opt-in +12345100
        list-opted-out ->{listed}
        "
    ));
}

#[test]
fn the_sandbox() {
    run("
        in-sandbox -> false
        origination-numbers -> nothing
        list-numbers -> nothing
        create-number +12345678 password=123456
        list-numbers -> +12345678(pending)
        verify-number +12345678 password=123457 -> VerificationException
        verify-number +12345679 -> ResourceNotFound
        restart
        create-number +12345678 password=654321
        verify-number +12345678 password=123456 -> VerificationException
        verify-number +12345678 password=654321
        verify-number +12345678 password=111111
        restart
        list-numbers -> +12345678(verified)
        create-number +12345678 -> UserError
        create-number +12345670
        list-numbers max=1 -> +12345670(pending) more
        list-numbers max=1 after=+12345670 -> +12345678(verified)
        delete-number +12345678
        delete-number +12345678 -> ResourceNotFound
        list-numbers -> +12345670(pending)
        opt-out +12345671
        create-number +12345671 -> OptedOut
    ");
}

#[test]
fn a_sandbox_has_ten_numbers() {
    let numbers: String = (0..10).map(|number| format!("create-number +1234567{number}\n")).collect();
    run(&format!(
        "
        {numbers}
        create-number +12345680 -> UserError
        create-number +12345670
        delete-number +12345670
        create-number +12345680
        "
    ));
}

#[test]
fn the_sandbox_is_the_callers() {
    run("
        create-number +12345678
        caller 111111111111
        list-numbers -> nothing
        verify-number +12345678 -> ResourceNotFound
        caller anonymous
        in-sandbox -> AuthorizationError
        origination-numbers -> AuthorizationError
        list-numbers -> AuthorizationError
        create-number +12345678 -> AuthorizationError
        verify-number +12345678 -> AuthorizationError
        delete-number +12345678 -> AuthorizationError
    ");
}
