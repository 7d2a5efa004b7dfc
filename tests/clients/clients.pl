#!/usr/bin/perl
# Signs requests with Perl's Net::OAuth and checks what /echo says was verified.
#
# One line per check; what the environment must hold is in tests/clients/run.
# The library only signs: parameters go to it decoded, as a hash (so no duplicate names), and the body hash
# is a message parameter that it must be taught.

use strict;
use warnings;
use utf8;
use Digest::SHA qw(sha1_base64 sha256_base64);
use Encode qw(encode_utf8);
use JSON::PP qw(decode_json);
use LWP::UserAgent;
use Net::OAuth;
use Net::OAuth::ConsumerRequest;
use Net::OAuth::ProtectedResourceRequest;
use URI;

binmode STDOUT, ':encoding(UTF-8)';
$_->add_optional_message_params('body_hash')
  for 'Net::OAuth::ConsumerRequest', 'Net::OAuth::ProtectedResourceRequest';

my ($url, $key, $secret, $token, $token_secret) = map {
    $ENV{"COUNTERSIGN_$_"} // die "COUNTERSIGN_$_ is not set\n"
} qw(URL CONSUMER_KEY CONSUMER_SECRET TOKEN TOKEN_SECRET);
$url =~ s{/$}{};

my %QUERY = (
    q      => 'a b+c&d=e',
    empty  => '',
    'näme' => 'é€😀',
    'a[]'  => q{-._~!*'();:@/?#[]%},
);
my %FORM = (
    text      => '1 + 1 = 2 & 100%',
    'ünïcode' => '日本語',
    reserved  => q{-._~!*'(){}|^},
    empty     => '',
);
my $JSON = encode_utf8('{"text":"é€😀 & = + %","n":[1,2]}');
my %BODY_HASH = (
    'HMAC-SHA1'   => ['sha1',   sub { sha1_base64($_[0]) . '=' }],
    'HMAC-SHA256' => ['sha256', sub { sha256_base64($_[0]) . '=' }],
);

my $agent = LWP::UserAgent->new(timeout => 20);
my ($passed, $failed, $nonces) = (0, 0, 0);

sub encoded {
    my $uri = URI->new('http://h/');
    my %pairs = @_;
    $uri->query_form(map { encode_utf8($_) => encode_utf8($pairs{$_}) } sort keys %pairs);
    return $uri->query // '';
}

# Signs and sends; form, body and body_hash are named.
sub send_signed {
    my ($caller, $verb, $path, $query, %content) = @_;
    my $class = $caller->{token} ? 'Net::OAuth::ProtectedResourceRequest' : 'Net::OAuth::ConsumerRequest';
    my $signed = $class->new(
        %$caller,
        request_method => $verb,
        request_url    => "$url$path",
        timestamp      => time,
        nonce          => join('.', $$, time, ++$nonces),
        extra_params   => { %$query, %{ $content{form} // {} } },
        $content{body_hash} ? (body_hash => $content{body_hash}) : (),
    );
    $signed->sign;
    my $request = HTTP::Request->new($verb, "$url$path?" . encoded(%$query));
    $request->header(Authorization => $signed->to_authorization_header);
    if ($content{form}) {
        $request->content_type('application/x-www-form-urlencoded');
        $request->content(encoded(%{ $content{form} }));
    }
    elsif ($content{body}) {
        $request->content_type('application/json');
        $request->content($content{body});
    }
    return $agent->request($request);
}

# Sends, and compares the fields of the reply that are named in $expected.
sub check {
    my ($name, $expected, $send) = @_;
    my $problem;
    eval {
        my $reply = $send->();
        my $fields = eval { decode_json($reply->content) } // {};
        for my $field ('status', grep { $_ ne 'status' } sort keys %$expected) {
            my $seen = $field eq 'status' ? $reply->code : $fields->{$field};
            my ($got, $wanted) = map { $_ // 'null' } $seen, $expected->{$field};
            next if $got eq $wanted;
            $problem = "$field is $got, wanted $wanted: " . substr($reply->decoded_content // '', 0, 300);
            last;
        }
        1;
    } or $problem = $@;
    defined $problem ? $failed++ : $passed++;
    print defined $problem ? "not ok perl Net::OAuth $name: $problem\n" : "ok perl Net::OAuth $name\n";
}

sub echoed {
    my ($caller, $verb, $parameters, $body_hash, $body_bytes) = @_;
    return {
        status           => 200,
        consumer         => $key,
        token            => $caller->{token},
        method           => $verb,
        parameters       => $parameters,
        signature_method => $caller->{signature_method},
        body_hash        => $body_hash,
        body_bytes       => $body_bytes,
    };
}

for my $method (sort keys %BODY_HASH) {
    my ($hash, $digest) = @{ $BODY_HASH{$method} };
    my %alone = (consumer_key => $key, consumer_secret => $secret, signature_method => $method);
    my %both = (%alone, token => $token, token_secret => $token_secret);
    for (['two-legged', \%alone], ['three-legged', \%both]) {
        my ($legs, $caller) = @$_;
        check("$method $legs GET", echoed($caller, 'GET', scalar keys %QUERY, undef, 0),
            sub { send_signed($caller, 'GET', '/echo/caf%C3%A9/a%20b', \%QUERY) });
        check("$method $legs form POST",
            echoed($caller, 'POST', 1 + keys %FORM, undef, length encoded(%FORM)),
            sub { send_signed($caller, 'POST', '/echo/form', { page => 2 }, form => \%FORM) });
        check("$method $legs JSON POST with body hash $hash",
            echoed($caller, 'POST', 1, $hash, length $JSON),
            sub {
                send_signed($caller, 'POST', '/echo/json', { dry => 'a b' },
                    body => $JSON, body_hash => $digest->($JSON));
            });
    }
    my %wrong = (%alone, consumer_secret => $secret . 'x');
    check("$method wrong secret is refused", { status => 401, code => 'signature_invalid' },
        sub { send_signed(\%wrong, 'GET', '/echo', \%QUERY) });
}
print "$passed passed, $failed failed\n";
exit($failed ? 1 : 0);
