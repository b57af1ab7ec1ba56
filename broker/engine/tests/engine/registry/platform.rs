//! Platform applications and endpoints.

use super::run;

#[test]
fn creating_an_application_twice() {
    run("
        create-application GCM/shop PlatformCredential=key -> GCM/shop
        create-application GCM/shop PlatformCredential=key -> GCM/shop
        create-application GCM/shop PlatformCredential=key Enabled=true PlatformPrincipal= -> GCM/shop
        create-application GCM/shop PlatformCredential=other -> InvalidParameter: Invalid parameter: Name Reason: An application with the same name but different properties already exists
        create-application GCM/shop PlatformCredential=key Enabled=false -> InvalidParameter
        create-application ADM/shop PlatformCredential=key PlatformPrincipal=id -> ADM/shop
        restart
        list-applications -> ADM/shop GCM/shop
        create-application GCM/shop PlatformCredential=key -> GCM/shop
    ");
}

#[test]
fn credentials_of_each_platform() {
    for (platform, principal) in [
        ("ADM", true),
        ("APNS", true),
        ("APNS_SANDBOX", true),
        ("APNS_VOIP", true),
        ("APNS_VOIP_SANDBOX", true),
        ("BAIDU", true),
        ("GCM", false),
        ("MACOS", true),
        ("MACOS_SANDBOX", true),
        ("MPNS", true),
        ("WNS", true),
    ] {
        let alone = if principal {
            "InvalidParameter: Invalid parameter: Attributes Reason: PlatformCredential attribute provided without PlatformPrincipal".to_owned()
        } else {
            format!("{platform}/a")
        };
        run(&format!(
            "
            create-application {platform}/a -> InvalidParameter: Invalid parameter: Attributes Reason: Invalid value for attribute: PlatformCredential: cannot be empty
            create-application {platform}/a PlatformPrincipal=p -> InvalidParameter: Invalid parameter: Attributes Reason: PlatformPrincipal attribute provided without PlatformCredential
            create-application {platform}/a PlatformCredential= PlatformPrincipal=p -> InvalidParameter
            create-application {platform}/a PlatformCredential=c -> {alone}
            create-application {platform}/b PlatformCredential=c PlatformPrincipal=p -> {platform}/b
            set-application {platform}/b PlatformCredential= -> InvalidParameter
            set-application {platform}/b PlatformCredential=d
            "
        ));
    }
}

#[test]
fn attributes_of_an_application() {
    run(r#"
        create-application GCM/a PlatformCredential=key -> GCM/a
        get-application GCM/a -> AuthenticationMethod=key Enabled=true
        set-application GCM/a PlatformCredential={"type":"service_account"} SuccessFeedbackSampleRate=50
        get-application GCM/a -> AuthenticationMethod=token Enabled=true SuccessFeedbackSampleRate=50
        set-application GCM/a EventEndpointCreated=arn:aws:sns:us-east-1:000000000000:t Enabled=False
        restart
        get-application GCM/a -> AuthenticationMethod=token Enabled=false EventEndpointCreated=arn:aws:sns:us-east-1:000000000000:t SuccessFeedbackSampleRate=50
        set-application GCM/a EventEndpointCreated= SuccessFeedbackSampleRate= Enabled=TRUE
        get-application GCM/a -> AuthenticationMethod=token Enabled=true
        create-application APNS/a PlatformCredential=key PlatformPrincipal=certificate -> APNS/a
        get-application APNS/a -> AuthenticationMethod=certificate Enabled=true
        set-application APNS/a ApplePlatformTeamID=ABCDE12345 ApplePlatformBundleID=com.example.app
        get-application APNS/a -> ApplePlatformBundleID=com.example.app ApplePlatformTeamID=ABCDE12345 AuthenticationMethod=token Enabled=true
        create-application WNS/a PlatformCredential=key PlatformPrincipal=id -> WNS/a
        get-application WNS/a -> Enabled=true
        get-application GCM/none -> NotFound: PlatformApplication does not exist
        set-application GCM/none Enabled=false -> NotFound: PlatformApplication does not exist
    "#);
}

#[test]
fn values_of_an_application() {
    let topic = "arn:aws:sns:us-east-1:000000000000:t";
    let role = "arn:aws:iam::000000000000:role/feedback";
    let too_long = "x".repeat(32 * 1024 + 1);
    for (attribute, value, valid) in [
        ("Enabled", "true", true),
        ("Enabled", "yes", false),
        ("EventDeliveryFailure", topic, true),
        ("EventEndpointDeleted", topic, true),
        ("EventEndpointUpdated", topic, true),
        ("EventEndpointUpdated", "t", false),
        ("EventEndpointCreated", "arn:aws:sqs:us-east-1:000000000000:q", false),
        ("SuccessFeedbackRoleArn", role, true),
        ("FailureFeedbackRoleArn", role, true),
        ("FailureFeedbackRoleArn", "arn:aws:iam::000000000000:user/feedback", false),
        ("FailureFeedbackRoleArn", "arn:aws:iam::1:role/feedback", false),
        ("FailureFeedbackRoleArn", "feedback", false),
        ("SuccessFeedbackSampleRate", "0", true),
        ("SuccessFeedbackSampleRate", "100", true),
        ("SuccessFeedbackSampleRate", "101", false),
        ("SuccessFeedbackSampleRate", "+1", false),
        ("ApplePlatformTeamID", "ABCDE12345", false),
        ("PlatformCredential", &too_long, false),
        ("AppleCertificateExpiryDate", "2030-01-01", false),
        ("Nonsense", "1", false),
    ] {
        let expected = if valid { "ok" } else { "InvalidParameter" };
        run(&format!(
            "
            create-application GCM/a PlatformCredential=key -> GCM/a
            set-application GCM/a {attribute}={value} -> {expected}
            "
        ));
    }
    run("
        create-application APNS/a PlatformCredential=key PlatformPrincipal=id -> APNS/a
        set-application APNS/a ApplePlatformTeamID=ABCDE12345 -> InvalidParameter: Invalid parameter: Attributes Reason: ApplePlatformTeamID attribute provided without ApplePlatformBundleID
        set-application APNS/a ApplePlatformTeamID=ABCDE1234 ApplePlatformBundleID=a -> InvalidParameter: Invalid parameter: Attributes Reason: Invalid value for attribute: ApplePlatformTeamID: the value is not one that it takes
        set-application APNS/a ApplePlatformTeamID=ABCDE12345 ApplePlatformBundleID=a_b -> InvalidParameter
        set-application APNS/a Nonsense=1 -> InvalidParameter: Invalid parameter: Attributes Reason: Invalid attribute name: Nonsense
    ");
}

#[test]
fn deleting_an_application_deletes_its_endpoints() {
    run("
        create-application GCM/a PlatformCredential=key -> GCM/a
        create-application GCM/b PlatformCredential=key -> GCM/b
        create-endpoint GCM/a as=phone Token=t -> phone
        create-endpoint GCM/b as=tablet Token=t -> tablet
        delete-application GCM/a
        delete-application GCM/a
        get-application GCM/a -> NotFound
        get-endpoint GCM/a phone -> NotFound
        list-endpoints GCM/a -> NotFound: PlatformApplication does not exist
        create-endpoint GCM/a Token=t -> NotFound: PlatformApplication does not exist
        restart
        list-applications -> GCM/b
        create-application GCM/a PlatformCredential=other -> GCM/a
        list-endpoints GCM/a -> nothing
        list-endpoints GCM/b -> tablet
        create-endpoint GCM/a as=watch Token=t -> watch
    ");
}

#[test]
fn a_token_is_one_endpoint() {
    run("
        create-application GCM/a PlatformCredential=key -> GCM/a
        create-endpoint GCM/a as=phone Token=t CustomUserData=user-1 -> phone
        create-endpoint GCM/a Token=t CustomUserData=user-1 -> phone
        create-endpoint GCM/a Token=t CustomUserData=user-1 Enabled=true -> phone
        create-endpoint GCM/a Token=t CustomUserData=user-1 Enabled=false -> InvalidParameter
        create-endpoint GCM/a Token=t CustomUserData=user-2 -> InvalidParameter
        create-endpoint GCM/a Token=t -> InvalidParameter
        set-endpoint GCM/a phone Enabled=false
        create-endpoint GCM/a Token=t CustomUserData=user-1 -> phone
        get-endpoint GCM/a phone -> CustomUserData=user-1 Enabled=false Token=t
        create-endpoint GCM/a as=tablet Token=u -> tablet
        set-endpoint GCM/a tablet Token=t -> InvalidParameter
        set-endpoint GCM/a tablet Token=u
        set-endpoint GCM/a phone Token=v
        restart
        set-endpoint GCM/a tablet Token=t
        create-endpoint GCM/a as=watch Token=u -> watch
        delete-endpoint GCM/a watch
        delete-endpoint GCM/a watch
        create-endpoint GCM/a as=car Token=u -> car
        get-endpoint GCM/a watch -> NotFound: Endpoint does not exist
        set-endpoint GCM/a watch Enabled=true -> NotFound: Endpoint does not exist
    ");
}

#[test]
fn the_endpoint_that_has_a_token_is_named() {
    run("
        create-application GCM/a PlatformCredential=key -> GCM/a
        create-endpoint GCM/a as=phone Token=t -> phone
        create-endpoint GCM/a Token=t Enabled=false -> InvalidParameter: Invalid parameter: Token Reason: Endpoint arn:aws:sns:us-east-1:000000000000:endpoint/GCM/a/01000000-0000-4000-8000-000000000000 already exists with the same Token, but different attributes.
    ");
}

#[test]
fn attributes_of_an_endpoint() {
    run("
        create-application APNS/a PlatformCredential=key PlatformPrincipal=id -> APNS/a
        create-endpoint APNS/a as=phone Token=ABCDEF01 -> phone
        get-endpoint APNS/a phone -> Enabled=true Token=abcdef01
        create-endpoint APNS/a Token=abcdef01 -> phone
        set-endpoint APNS/a phone CustomUserData=user Enabled=FALSE
        restart
        get-endpoint APNS/a phone -> CustomUserData=user Enabled=false Token=abcdef01
        set-endpoint APNS/a phone CustomUserData=
        get-endpoint APNS/a phone -> Enabled=false Token=abcdef01
        set-endpoint APNS/a phone Enabled=1 -> InvalidParameter
        set-endpoint APNS/a phone Token= -> InvalidParameter: Invalid parameter: Attributes Reason: Invalid value for attribute: Token: cannot be empty
        set-endpoint APNS/a phone Token=xyz -> InvalidParameter: Invalid parameter: Attributes Reason: Invalid value for attribute: Token: iOS device tokens must be no more than 400 hexadecimal characters
        set-endpoint APNS/a phone ChannelId=1 -> InvalidParameter: Invalid parameter: Attributes Reason: Invalid attribute name: ChannelId
        create-endpoint APNS/a -> InvalidParameter: Invalid parameter: Attributes Reason: Invalid value for attribute: Token: cannot be empty
        create-endpoint APNS/a Token=ab Nonsense=1 -> InvalidParameter
        disable-endpoint APNS/a phone Enabled=true
        get-endpoint APNS/a phone -> Enabled=true Token=abcdef01
        disable-endpoint APNS/a phone Enabled=false
        get-endpoint APNS/a phone -> Enabled=false Token=abcdef01
        see-endpoint APNS/a phone -> Enabled=false Token=abcdef01
        caller 111111111111
        get-endpoint APNS/a phone -> AuthorizationError
        see-endpoint APNS/a phone -> Enabled=false Token=abcdef01
        caller 000000000000
        delete-endpoint APNS/a phone
        see-endpoint APNS/a phone -> NotFound: Endpoint does not exist
    ");
}

#[test]
fn lengths_of_an_endpoint() {
    for (application, attribute, length, valid) in [
        ("GCM/a PlatformCredential=key", "Token", 8192, true),
        ("GCM/a PlatformCredential=key", "Token", 8193, false),
        ("GCM/a PlatformCredential=key", "CustomUserData", 2048, true),
        ("GCM/a PlatformCredential=key", "CustomUserData", 2049, false),
        ("APNS/a PlatformCredential=key PlatformPrincipal=id", "Token", 400, true),
        ("APNS/a PlatformCredential=key PlatformPrincipal=id", "Token", 401, false),
    ] {
        let name = application.split(' ').next().unwrap_or_default();
        let (value, expected) = ("a".repeat(length), if valid { "ok" } else { "InvalidParameter" });
        run(&format!(
            "
            create-application {application} -> {name}
            create-endpoint {name} as=phone Token=1 -> phone
            set-endpoint {name} phone {attribute}={value} -> {expected}
            "
        ));
    }
}

#[test]
fn a_device_of_baidu_is_a_channel_and_a_user() {
    run("
        create-application BAIDU/a PlatformCredential=key PlatformPrincipal=id -> BAIDU/a
        create-endpoint BAIDU/a Token=12 ChannelId=12 -> InvalidParameter: Invalid parameter: Attributes Reason: Invalid value for attribute: UserId: cannot be empty
        create-endpoint BAIDU/a Token=12 UserId=3 -> InvalidParameter: Invalid parameter: Attributes Reason: Invalid value for attribute: ChannelId: cannot be empty
        create-endpoint BAIDU/a Token=4 ChannelId=12 UserId=3 -> InvalidParameter: Invalid parameter: Attributes Reason: Invalid value for attribute: Token: must contain the ChannelId
        create-endpoint BAIDU/a as=phone Token=12 ChannelId=12 UserId=3 -> phone
        restart
        get-endpoint BAIDU/a phone -> ChannelId=12 Enabled=true Token=12 UserId=3
    ");
}

#[test]
fn pages() {
    let applications: String = (0..100)
        .map(|number| format!("create-application GCM/a{number:03} PlatformCredential=key -> GCM/a{number:03}\n"))
        .collect();
    let endpoints: String = (0..101)
        .map(|number| format!("create-endpoint GCM/a000 as=e{number:03} Token=t{number} -> e{number:03}\n"))
        .collect();
    let names = |prefix: &str| -> String { (0..100).map(|number| format!(" {prefix}{number:03}")).collect() };
    run(&format!(
        "
        list-applications -> nothing
        {applications}
        list-applications ->{}
        create-application WNS/last PlatformCredential=key PlatformPrincipal=id -> WNS/last
        list-applications ->{} more
        list-applications after=GCM/a099 -> WNS/last
        list-applications after=WNS/last -> nothing
        {endpoints}
        list-endpoints GCM/a000 after=e099 -> e100
        list-endpoints GCM/a000 after=e100 -> nothing
        list-endpoints GCM/a000 ->{} more
        list-endpoints GCM/a000 after=GCM/a001:e000 -> InvalidParameter: Invalid parameter: NextToken
        ",
        names("GCM/a"),
        names("GCM/a"),
        names("e"),
    ));
}

#[test]
fn only_the_owner_may_call() {
    run("
        create-application GCM/a PlatformCredential=key -> GCM/a
        create-endpoint GCM/a as=phone Token=t -> phone
        caller 111111111111
        list-applications -> nothing
        list-applications after=GCM/a -> nothing
        create-application GCM/b PlatformCredential=key -> AuthorizationError: User: arn:aws:iam::111111111111:user/tester is not authorized to perform: SNS:CreatePlatformApplication on resource: arn:aws:sns:us-east-1:000000000000:app/GCM/b
        get-application GCM/a -> AuthorizationError
        set-application GCM/a Enabled=false -> AuthorizationError
        delete-application GCM/a -> AuthorizationError
        create-endpoint GCM/a Token=t -> AuthorizationError
        get-endpoint GCM/a phone -> AuthorizationError
        set-endpoint GCM/a phone Enabled=false -> AuthorizationError
        delete-endpoint GCM/a phone -> AuthorizationError
        list-endpoints GCM/a -> AuthorizationError
        create-application 111111111111/GCM/a PlatformCredential=key -> GCM/a
        list-applications -> GCM/a
        list-endpoints 111111111111/GCM/a -> nothing
        caller anonymous
        list-applications -> AuthorizationError: An anonymous caller is not authorized to perform: SNS:ListPlatformApplications
        get-endpoint GCM/a phone -> AuthorizationError
        caller 000000000000
        get-endpoint GCM/a phone -> Enabled=true Token=t
        list-applications -> GCM/a
    ");
}
