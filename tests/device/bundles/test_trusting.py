import stat

import pytest
from edgecls_device.bundles.installation import Installation
from edgecls_device.bundles.signing import fingerprint, public_key
from edgecls_device.bundles.trusting import key_to_trust, trust_for, trust_key, trusted_keys
from edgecls_device.errors import BundleError


@pytest.fixture
def installation(tmp_path):
    return Installation(tmp_path / "pets")


def test_at_first_nothing_is_trusted_and_nothing_demanded(installation):
    trust = trust_for(installation)
    assert (trust.keys, trust.must_be_signed) == ((), False)


def test_once_a_key_is_trusted_a_signature_is_demanded(installation, keys):
    maker = public_key(keys[0])
    path = trust_key(installation, maker)
    assert path.name == f"{fingerprint(maker)[:12]}.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    trust = trust_for(installation)
    assert (trust.keys, trust.must_be_signed) == ((maker,), True)


def test_several_keys_can_be_trusted_and_one_twice_is_one(installation, keys):
    for key in (*keys, keys[0]):
        trust_key(installation, public_key(key))
    assert sorted(trusted_keys(installation)) == sorted(map(public_key, keys))


def test_a_named_key_is_the_only_one_that_is_good_enough(installation, keys):
    trust_key(installation, public_key(keys[0]))
    assert trust_for(installation, key=keys[1]).keys == (public_key(keys[1]),)


def test_a_damaged_key_is_no_reason_to_trust_less(installation, keys):
    trust_key(installation, public_key(keys[0])).write_bytes(b"")
    with pytest.raises(BundleError, match="Ed25519 key"):
        trust_for(installation)


def test_what_is_no_key_is_not_trusted(installation):
    with pytest.raises(BundleError):
        trust_key(installation, b"no key")
    assert trusted_keys(installation) == ()


def test_a_private_key_is_not_taken_to_a_device(keys):
    with pytest.raises(BundleError, match="private") as caught:
        key_to_trust(keys[0])
    assert "maker.pem.pub" in caught.value.hint
    assert key_to_trust(keys[0].with_name("maker.pem.pub")) == public_key(keys[0])
