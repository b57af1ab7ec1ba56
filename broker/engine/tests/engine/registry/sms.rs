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
        set-sms DefaultSMSType=Promotional MonthlySpendLimit=many -> InvalidParameter: Invalid parameter: MonthlySpendLimit Reason: the value is not one that it takes
        get-sms -> DefaultSMSType=Transactional MonthlySpendLimit=5
        set-sms Nonsense=1 -> InvalidParameter: Invalid parameter: Attributes Reason: Unknown attribute Nonsense
        caller 111111111111
        get-sms -> nothing
        caller anonymous
        get-sms -> AuthorizationError
        set-sms DefaultSenderID=Shop -> AuthorizationError
    ");
}

#[test]
fn values_of_preferences() {
    let bucket_max = "b".repeat(63);
    let bucket_too_long = "b".repeat(64);
    let role_too_long = format!("arn:aws:iam::000000000000:role/{}", "r".repeat(2048));
    for (attribute, value, valid) in [
        ("DefaultSMSType", "Promotional", true),
        ("DefaultSMSType", "promotional", false),
        ("DefaultSMSType", "", false),
        ("DefaultSenderID", "Shop1234567", true),
        ("DefaultSenderID", "Shop12345678", false),
        ("DefaultSenderID", "1234567", false),
        ("DefaultSenderID", "My-Shop", false),
        ("DeliveryStatusIAMRole", "arn:aws:iam::000000000000:role/sms", true),
        ("DeliveryStatusIAMRole", "", true),
        ("DeliveryStatusIAMRole", "sms", false),
        ("DeliveryStatusIAMRole", &role_too_long, false),
        ("DeliveryStatusSuccessSamplingRate", "0", true),
        ("DeliveryStatusSuccessSamplingRate", "100", true),
        ("DeliveryStatusSuccessSamplingRate", "101", false),
        ("DeliveryStatusSuccessSamplingRate", "1.5", false),
        ("MonthlySpendLimit", "0", true),
        ("MonthlySpendLimit", "-1", false),
        ("MonthlySpendLimit", "+1", false),
        ("MonthlySpendLimit", "", false),
        ("UsageReportS3Bucket", "reports.example-1", true),
        ("UsageReportS3Bucket", &bucket_max, true),
        ("UsageReportS3Bucket", &bucket_too_long, false),
        ("UsageReportS3Bucket", "Reports", false),
        ("UsageReportS3Bucket", "-reports", false),
        ("UsageReportS3Bucket", "ab", false),
    ] {
        run(&format!("set-sms {attribute}={value} -> {}", if valid { "ok" } else { "InvalidParameter" }));
    }
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
        verify-number +12345678 password=1234 -> InvalidParameter: Invalid parameter: OneTimePassword
        verify-number +12345678 password=12345a -> InvalidParameter
        verify-number +12345679 -> ResourceNotFound
        restart
        create-number +12345678 password=654321 language=de-DE
        verify-number +12345678 password=123456 -> VerificationException
        verify-number +12345678 password=654321
        verify-number +12345678 password=111111
        restart
        list-numbers -> +12345678(verified)
        create-number +12345678 -> UserError
        create-number +12345670 language=tlh -> InvalidParameter: Invalid parameter: LanguageCode
        create-number 12345670 -> InvalidParameter: Invalid parameter: PhoneNumber Reason: input incorrectly formatted
        create-number +12345670 password= -> InvalidParameter
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
