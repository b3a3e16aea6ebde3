"""What scripts do with a configuration, and what other versions of transformers wrote."""

import copy
import json
import pickle
from dataclasses import FrozenInstanceError, replace

import pytest
from support.example_configs import SMALL_FILE

from numpy_vitmatte.configuration import VitDetConfig, VitMatteConfig
from numpy_vitmatte.errors import ConfigurationError

OUTPUTS = ("output_hidden_states", "output_attentions", "return_dict")

# Keys that every configuration of transformers 4.35 had, and their values.
OF_4_35 = {
    "_commit_hash": None, "_name_or_path": "", "add_cross_attention": False, "architectures": None,
    "bos_token_id": None, "id2label": {"0": "LABEL_0", "1": "LABEL_1"}, "label2id": {"LABEL_0": 0, "LABEL_1": 1},
    "max_length": 20, "output_attentions": False, "output_hidden_states": False, "pruned_heads": {},
    "return_dict": True, "temperature": 1.0, "torch_dtype": None, "torchscript": False,
    "transformers_version": "4.35.2", "use_bfloat16": False,
}  # fmt: skip
OF_4_44 = OF_4_35 | {
    "_attn_implementation_internal": None, "backbone": None, "backbone_kwargs": None, "use_pretrained_backbone": False,
    "use_timm_backbone": False, "transformers_version": "4.44.2",
}  # fmt: skip
OF_5 = {
    "architectures": None, "chunk_size_feed_forward": 0, "dtype": None, "id2label": {0: "LABEL_0", 1: "LABEL_1"},
    "is_encoder_decoder": False, "output_hidden_states": False, "problem_type": None, "transformers_version": "5.24.0",
    "output_attentions": None, "return_dict": None,
}  # fmt: skip
VERSIONS = {"4.35": OF_4_35, "4.44": OF_4_44, "5": OF_5}


def written(version, backbone):
    """What ``to_dict`` of a version gives for ViTMatte-S."""
    keys = VERSIONS[version]
    return {
        **{key: value for key, value in SMALL_FILE.items() if key not in ("torch_dtype", "transformers_version")},
        **keys,
        "backbone_config": {**backbone, **keys, "model_type": "vitdet"},
        "batch_norm_eps": 1e-5,
        "initializer_range": 0.02,
        "model_type": "vitmatte",
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_of_another_version(version):
    """The network is the one of the published file, whatever else stands there; the rest survives the round trip."""
    config = VitMatteConfig.from_dict(written(version, SMALL_FILE["backbone_config"]))
    expected = VitMatteConfig.from_dict(SMALL_FILE)
    assert replace(config.backbone_config, extra={}) == replace(expected.backbone_config, extra={})
    assert replace(config, backbone_config=config.backbone_config, extra={}).fusion_hidden_sizes == (256, 128, 64, 32)
    assert config.to_dict()["transformers_version"] == VERSIONS[version]["transformers_version"]
    assert VitMatteConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize("version", VERSIONS)
def test_the_default_of_another_version(version):
    """No network can be built of it: 3 channels, 768 wide, its decoder 384. Its documentation calls it ViTMatte-S."""
    backbone = VitDetConfig(out_features=["stage4"]).to_dict()
    with pytest.warns(UserWarning, match="of which no network can be built.*ViTMatte-S is taken"):
        config = VitMatteConfig.from_dict(written(version, backbone))
    assert replace(config, extra={}) == VitMatteConfig()
    with pytest.raises(ConfigurationError, match="num_channels must be 4"):
        VitMatteConfig.from_dict(written(version, backbone | {"patch_size": 8}))


@pytest.mark.parity
def test_the_default_of_the_installed_version():
    transformers = pytest.importorskip("transformers", reason="the [parity] extra is not installed; see VERSIONS")
    with pytest.warns(UserWarning, match="ViTMatte-S is taken"):
        VitMatteConfig.from_dict(transformers.VitMatteConfig().to_dict())


def test_built_without_arguments_and_with_them():
    assert VitMatteConfig() == VitMatteConfig.from_dict(VitMatteConfig().to_dict())
    backbone = VitDetConfig(hidden_size=6, num_attention_heads=2, num_channels=4, is_training=True, num_labels=3)
    config = VitMatteConfig(backbone_config=backbone, backbone=None, hidden_size=6, id2label={0: "a"})
    assert (config.hidden_size, config.backbone_config.num_attention_heads) == (6, 2)
    assert (backbone.is_training, backbone.num_labels, config.id2label) == (True, 3, {0: "a"})
    assert config.extra == {"backbone": None, "id2label": {0: "a"}}
    assert VitMatteConfig(**config.to_dict()) == config
    for name in ("num_labels", "is_training", "__fspath__"):
        with pytest.raises(AttributeError, match=name):
            getattr(config, name)
    with pytest.raises(ConfigurationError, match="model_type must be 'vitdet'"):
        VitDetConfig(model_type="vit")
    with pytest.raises(ConfigurationError, match="backbone 'resnet18' is not supported"):
        VitMatteConfig(backbone="resnet18")


def test_text_and_files(tmp_path):
    config = VitMatteConfig(batch_norm_eps=2e-5, note="x")
    assert json.loads(config.to_json_string()) == json.loads(json.dumps(config.to_dict()))
    config.to_json_file(tmp_path / "any.json")
    assert (tmp_path / "any.json").read_text() == config.to_json_string()
    assert VitMatteConfig.from_json_file(tmp_path / "any.json") == config
    config.save_pretrained(tmp_path / "folder/inside")
    assert VitMatteConfig.from_pretrained(tmp_path / "folder", subfolder="inside") == config
    assert VitMatteConfig.from_pretrained(tmp_path / "folder/inside", note="y", return_dict=False).note == "y"
    (tmp_path / "any.json").write_text(json.dumps(config.to_dict() | {"backbone_config": {"num_channels": 2}}))
    with pytest.raises(ConfigurationError, match=r"any\.json: .*num_channels"):
        VitMatteConfig.from_json_file(tmp_path / "any.json")


@pytest.mark.parametrize("name", OUTPUTS)
def test_what_a_call_returns_may_be_set(name):
    """It describes no network: equality sees it, the hash, by which plans are kept, does not."""
    config = VitMatteConfig()
    before = hash(config)
    setattr(config, name, not getattr(config, name))
    assert config == replace(VitMatteConfig(), **{name: getattr(config, name)})
    assert config != VitMatteConfig()
    assert hash(config) == before
    for same in (copy.deepcopy(config), pickle.loads(pickle.dumps(config)), VitMatteConfig.from_dict(config.to_dict())):
        assert same == config
    with pytest.raises(ConfigurationError, match=f"VitMatteConfig.{name} must be true or false, found 1"):
        setattr(config, name, 1)


@pytest.mark.parametrize("name", ["hidden_size", "backbone_config", "extra", "use_pretrained_backbone"])
def test_what_describes_the_network_may_not(name):
    config = VitMatteConfig()
    with pytest.raises(FrozenInstanceError, match=rf"{name} cannot be set: .*dataclasses\.replace"):
        setattr(config, name, getattr(config, name, None))
    with pytest.raises(FrozenInstanceError, match="cannot be deleted"):
        delattr(config, name)
    assert config == VitMatteConfig()
