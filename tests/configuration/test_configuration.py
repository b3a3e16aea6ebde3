"""Configurations: transformers' fields and defaults, what is refused, and the round trip through config.json."""

import json
from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.example_configs import BASE_FILE, NETWORKS, SMALL_FILE, tiniest_config, with_backbone

from numpy_vitmatte.configuration import VitDetConfig, VitMatteConfig
from numpy_vitmatte.errors import CheckpointError, ConfigurationError

NEEDS_TRANSFORMERS = "compares with transformers, of the [parity] extra"


def test_default_is_the_published_small_model():
    published = VitMatteConfig.from_dict(SMALL_FILE)
    assert replace(published, extra={}) == VitMatteConfig()


def test_absent_keys_of_the_published_base_model_take_defaults():
    backbone = VitMatteConfig.from_dict(BASE_FILE).backbone_config
    assert (backbone.hidden_size, backbone.num_attention_heads, backbone.head_size) == (768, 12, 64)
    assert (backbone.num_hidden_layers, backbone.mlp_hidden_size) == (12, 3072)
    assert (backbone.patch_size, backbone.global_grid, backbone.pretrain_grid) == (16, (32, 32), 14)
    assert (backbone.layer_norm_eps, backbone.qkv_bias, backbone.use_absolute_position_embeddings) == (1e-6, True, True)


def test_sizes_of_the_grid():
    backbone = tiniest_config().backbone_config
    assert backbone.global_grid == (5, 7)
    assert backbone.pretrain_grid == 3
    assert [backbone.attention_grid(block) for block in range(3)] == [(3, 3), (5, 7), (3, 3)]
    # transformers divides with the remainder left over
    assert VitDetConfig(image_size=(50, 47)).global_grid == (3, 2)
    assert VitDetConfig(hidden_size=10, num_attention_heads=1, mlp_ratio=2.55).mlp_hidden_size == 25


def test_frozen_and_hashable():
    config = VitMatteConfig.from_dict(SMALL_FILE)
    with pytest.raises(FrozenInstanceError):
        config.hidden_size = 1
    assert hash(config) == hash(VitMatteConfig.from_dict(SMALL_FILE))


def test_values_take_one_form():
    backbone = VitDetConfig(patch_size=[8, 8], image_size=[64, 32], mlp_ratio=4.0, residual_block_indices=[1])
    assert (backbone.patch_size, backbone.image_size, backbone.residual_block_indices) == (8, (64, 32), (1,))
    # transformers 5 reads no fractional mlp_ratio and no whole epsilon
    assert repr(backbone.mlp_ratio) == "4"
    assert repr(VitDetConfig(layer_norm_eps=1).layer_norm_eps) == "1.0"


def test_backbone_may_be_given_as_a_mapping():
    assert VitMatteConfig(backbone_config=SMALL_FILE["backbone_config"]) == VitMatteConfig()


STAGES = [
    ({}, ["stage3"], [3]),
    ({"out_features": ["stem", "stage2"]}, ["stem", "stage2"], [0, 2]),
    ({"out_indices": [0]}, ["stem"], [0]),
    ({"out_indices": [1, -1]}, ["stage1", "stage3"], [1, 3]),
    ({"out_features": ["stage1"], "out_indices": [1]}, ["stage1"], [1]),
    ({"out_features": ["stage3"], "out_indices": [-1]}, ["stage3"], [3]),
]


@pytest.mark.parametrize(("given_stages", "names", "indices"), STAGES)
def test_stages(given_stages, names, indices):
    config = VitDetConfig(num_hidden_layers=3, **given_stages)
    assert (list(config.out_features), list(config.out_indices)) == (names, indices)
    assert config.feature_index == indices[-1]


@pytest.mark.parity
@pytest.mark.parametrize(("given_stages", "names", "indices"), STAGES)
def test_stages_are_those_of_transformers(given_stages, names, indices):
    transformers = pytest.importorskip("transformers", reason=NEEDS_TRANSFORMERS)
    theirs = transformers.VitDetConfig(num_hidden_layers=3, **given_stages)
    assert theirs.out_features == names
    assert [index % 4 for index in theirs.out_indices] == indices


def _nested(depth):
    """Lists in lists, made without recursion."""
    values = []
    for _ in range(depth):
        values = [values]
    return values


BAD_BACKBONES = [
    ({"hidden_size": 0}, "VitDetConfig.hidden_size must be a positive integer, found 0"),
    ({"hidden_size": 768.0}, "hidden_size must be a positive integer, found 768.0"),
    ({"hidden_size": "768"}, "hidden_size must be a positive integer, found '768'"),
    ({"hidden_size": True}, "hidden_size must be a positive integer, found True"),
    ({"hidden_size": None}, "hidden_size must be a positive integer, found None"),
    ({"num_hidden_layers": -1}, "num_hidden_layers must be a positive integer, found -1"),
    ({"num_hidden_layers": 1001}, "num_hidden_layers must be at most 1000, found 1001"),
    ({"num_hidden_layers": 10**9}, "num_hidden_layers must be at most 1000, found 1000000000"),
    ({"hidden_size": 2**31}, "hidden_size must be at most 2147483647, found 2147483648"),
    ({"mlp_ratio": 1000.5}, "mlp_ratio must be at most 1000, found 1000.5"),
    ({"num_attention_heads": 7}, "hidden_size 768 cannot be divided among num_attention_heads 7"),
    ({"mlp_ratio": 0}, "mlp_ratio must be a positive finite number, found 0"),
    ({"mlp_ratio": 0.001}, "mlp_ratio 0.001 leaves the MLP without hidden units"),
    ({"mlp_ratio": 10**400}, "mlp_ratio must be a positive finite number"),
    ({"hidden_act": "relu"}, "hidden_act must be 'gelu' (no other activation is computed here), found 'relu'"),
    ({"hidden_act": "gelu_new"}, "hidden_act must be 'gelu'"),
    ({"dropout_prob": 1.5}, "dropout_prob must be a number from 0 to 1, found 1.5"),
    ({"drop_path_rate": "0.1"}, "drop_path_rate must be a number from 0 to 1, found '0.1'"),
    ({"initializer_range": -0.02}, "initializer_range must be a positive finite number, found -0.02"),
    ({"layer_norm_eps": float("nan")}, "layer_norm_eps must be a positive finite number, found nan"),
    ({"layer_norm_eps": float("inf")}, "layer_norm_eps must be a positive finite number, found inf"),
    ({"image_size": [512]}, "image_size must be a positive integer or a pair of them (rows, columns), found [512]"),
    ({"image_size": "512"}, "image_size must be a positive integer or a pair"),
    ({"image_size": [512, 0]}, "image_size must be a positive integer or a pair"),
    ({"image_size": [512, 8]}, "image_size (512, 8) is smaller than patch_size 16"),
    ({"pretrain_image_size": [224, 448]}, "pretrain_image_size must be square, found [224, 448]"),
    ({"pretrain_image_size": 15}, "pretrain_image_size 15 is smaller than patch_size 16"),
    ({"patch_size": (16, 8)}, "patch_size must be square, found (16, 8)"),
    ({"num_channels": 0}, "num_channels must be a positive integer, found 0"),
    ({"qkv_bias": 1}, "qkv_bias must be true or false, found 1"),
    ({"use_relative_position_embeddings": "yes"}, "use_relative_position_embeddings must be true or false"),
    ({"window_size": -14}, "window_size must be an integer of at least 0, found -14"),
    ({"window_block_indices": 3}, "window_block_indices must be a list of block numbers counted from 0, found 3"),
    ({"window_block_indices": [0, -1], "window_size": 14}, "window_block_indices must be a list of block numbers"),
    ({"window_block_indices": [0, 12], "window_size": 14}, "window_block_indices names block 12, but num_hidden_layer"),
    ({"window_block_indices": [0]}, "window_block_indices [0] asks for windows, but window_size is 0"),
    (
        {"residual_block_indices": [99]},
        "residual_block_indices names block 99, but num_hidden_layers 12 allows 0 to 11",
    ),
    ({"hidden_size": 1, "num_attention_heads": 1, "residual_block_indices": [0]}, "hidden_size must be at least 2"),
    ({"out_features": "stage12"}, "out_features must be a list of stage names, found 'stage12'"),
    ({"out_features": []}, "out_features is empty: the decoder needs one stage"),
    (
        {"out_features": ["stage13"]},
        "out_features names 'stage13'; with num_hidden_layers 12 the stages are 'stem' and",
    ),
    ({"out_features": ["stage3", "stem"]}, "out_features must name stages once each and in order"),
    ({"out_features": ["stage3"], "out_indices": [2]}, "out_features ['stage3'] and out_indices [2] name different"),
    ({"out_indices": [13]}, "out_indices names stage 13; there are stages 0 (the stem) to 12"),
    ({"out_indices": [-14]}, "out_indices names stage -14"),
    ({"out_indices": [1, 1]}, "out_indices must name stages once each and in order"),
    ({"out_indices": [1.0]}, "out_indices must be a list of integers, found [1.0]"),
    ({"extra": []}, "VitDetConfig.extra must be a mapping, found []"),
    ({"extra": {"a": _nested(2000)}}, "VitDetConfig.extra is nested too deeply"),
    ({"image_size": 10**5000}, "image_size must be at most 1048576, found"),
    ({"image_size": [512, 2**62]}, "image_size must be at most 1048576, found 4611686018427387904"),
    ({"pretrain_image_size": 10**4000}, "pretrain_image_size must be at most 1048576, found"),
    ({"hidden_size": -(10**5000)}, "hidden_size must be a positive integer, found"),
    ({"layer_norm_eps": 10**5000}, "layer_norm_eps must be a positive finite number, found"),
    ({"window_size": 10**5000}, "window_size must be at most"),
    ({"window_block_indices": [0] * 10**6, "window_size": 14}, "window_block_indices must be at most 1000 block num"),
    ({"out_indices": [10**5000]}, "out_indices names stage"),
    ({"out_features": ["x" * 10**6]}, "out_features names 'xxx"),
    ({"hidden_act": _nested(500)}, "hidden_act must be 'gelu'"),
]


@pytest.mark.parametrize(("changes", "message"), BAD_BACKBONES, ids=range(len(BAD_BACKBONES)))
def test_backbone_refuses(changes, message):
    with pytest.raises(ConfigurationError) as caught:
        VitDetConfig(**changes)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 1000


BAD_NETWORKS = [
    ({"backbone_config": None}, "VitMatteConfig.backbone_config must be a VitDetConfig or a mapping, found None"),
    ({"backbone_config": VitDetConfig()}, "backbone_config.num_channels must be 4 (a photo's three and its trimap)"),
    ({"hidden_size": 768}, "VitMatteConfig.hidden_size 768 differs from its backbone's 384"),
    ({"batch_norm_eps": 0}, "VitMatteConfig.batch_norm_eps must be a positive finite number, found 0"),
    ({"fusion_hidden_sizes": [256, 128, 64]}, "fusion_hidden_sizes must have one entry more than convstream_hidden"),
    ({"convstream_hidden_sizes": [48, 0, 192]}, "convstream_hidden_sizes must be a list of positive integers"),
    (
        {"fusion_hidden_sizes": (8, 4, 2), "convstream_hidden_sizes": (4, 8)},
        "backbone_config.patch_size must be 8, found 16: each of the 3 fusion blocks doubles rows and columns",
    ),
    ({"return_dict": None}, "VitMatteConfig.return_dict must be true or false, found None"),
    ({"extra": {"quantization_config": {"bits": 8}}}, "quantization_config {'bits': 8} is not supported"),
    ({"fusion_hidden_sizes": [8] * 10**6}, "fusion_hidden_sizes must be at most 16 integers, found [8, 8"),
    ({"fusion_hidden_sizes": [8, 8, 8, 10**5000]}, "fusion_hidden_sizes must be at most 2147483647, found"),
]


@pytest.mark.parametrize(("changes", "message"), BAD_NETWORKS, ids=range(len(BAD_NETWORKS)))
def test_network_refuses(changes, message):
    with pytest.raises(ConfigurationError) as caught:
        VitMatteConfig(**changes)
    assert message in str(caught.value)


BAD_FILES = [
    ({}, "VitMatteConfig.backbone_config must describe a VitDet backbone; there is none"),
    ({"backbone": "resnet50"}, "backbone_config must describe a VitDet backbone; backbone 'resnet50' is not supported"),
    (SMALL_FILE | {"use_timm_backbone": True}, "VitMatteConfig.use_timm_backbone True is not supported"),
    (SMALL_FILE | {"use_pretrained_backbone": True}, "VitMatteConfig.use_pretrained_backbone True is not supported"),
    (SMALL_FILE | {"model_type": "vit"}, "VitMatteConfig.model_type must be 'vitmatte'"),
    (SMALL_FILE | {"backbone_config": {"model_type": "dinov2"}}, "VitDetConfig.model_type must be 'vitdet'"),
    (SMALL_FILE | {"backbone_config": [1]}, "backbone_config must be a VitDetConfig or a mapping, found [1]"),
    (
        SMALL_FILE | {"backbone_config": SMALL_FILE["backbone_config"] | {"stage_names": ["stem", "a"]}},
        "VitDetConfig.stage_names must be ['stem', 'stage1'",
    ),
]


@pytest.mark.parametrize(("values", "message"), BAD_FILES)
def test_file_refuses(values, message, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(values))
    with pytest.raises(ConfigurationError) as caught:
        VitMatteConfig.from_pretrained(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'config.json'}: ")
    assert message in str(caught.value)


def test_what_asks_for_nothing_is_kept():
    idle = {"backbone": None, "use_timm_backbone": False, "use_pretrained_backbone": False, "backbone_kwargs": {}}
    assert VitMatteConfig.from_dict(SMALL_FILE | idle).to_dict().items() >= idle.items()


UNREADABLE = [
    (b'{"model_type": vitmatte}', "config.json is not JSON: Expecting value at line 1, column 16"),
    (b'{\n "hidden_size": 3,\n}', "config.json is not JSON: "),
    (b"", "config.json is not JSON: Expecting value at line 1, column 1"),
    (b"[]", "config.json must hold a JSON object, found a list"),
    (b"\xff\xfe\xff", "config.json is not UTF-8 text"),
    (b'{"a": "\xff"}', "config.json is not UTF-8 text: invalid start byte at byte 7"),
    (b"[" * 100_000, "config.json is nested too deeply"),
    (b'{"hidden_size": 1' + b"0" * 5000 + b"}", "config.json cannot be read: an integer of 5001 digits; expected at"),
    (b'{"hidden_size": 1' + b"0" * 4000 + b"}", "config.json cannot be read: an integer of 4001 digits; expected at"),
    (b'{"a": ' * 300 + b"1" + b"}" * 300, "config.json is nested too deeply"),
    (b'{"a": ' + b"[" * 300 + b"]" * 300 + b"}", "config.json is nested too deeply"),
    (b" " * 1_000_001 + b"{}", "config.json is too long: expected at most 1000000 bytes of JSON"),
]


@pytest.mark.parametrize(("content", "message"), UNREADABLE, ids=range(len(UNREADABLE)))
def test_unreadable_file(content, message, tmp_path):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        VitMatteConfig.from_pretrained(tmp_path)
    assert message in str(caught.value)


def test_absent_file_and_directory(tmp_path):
    with pytest.raises(ConfigurationError, match=r"config\.json"):
        VitMatteConfig.from_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="nor a directory"):
        VitMatteConfig.from_pretrained(tmp_path / "absent")


def test_unwritable(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        VitMatteConfig().save_pretrained(tmp_path / "file")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        VitMatteConfig(extra={"key": object()}).save_pretrained(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=5,
)
unknown_keys = st.dictionaries(st.text().map(lambda key: f"x-{key}"), json_values, max_size=4)


@st.composite
def networks(draw):
    """Any network this package computes, with unknown keys at both levels."""
    depth, heads = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    sides = st.integers(16, 40)
    blocks = st.lists(st.integers(0, depth - 1), max_size=depth, unique=True)
    fusion = draw(st.lists(st.integers(1, 9), min_size=1, max_size=4))
    backbone = VitDetConfig(
        hidden_size=heads * draw(st.integers(2, 5)),
        num_hidden_layers=depth,
        num_attention_heads=heads,
        mlp_ratio=draw(st.integers(1, 4) | st.floats(0.6, 4)),
        num_channels=4,
        patch_size=2 ** len(fusion),
        image_size=draw(sides | st.tuples(sides, sides)),
        pretrain_image_size=draw(sides),
        qkv_bias=draw(st.booleans()),
        window_block_indices=draw(blocks),
        residual_block_indices=draw(blocks),
        window_size=draw(st.integers(1, 5)),
        use_absolute_position_embeddings=draw(st.booleans()),
        use_relative_position_embeddings=draw(st.booleans()),
        out_indices=draw(st.none() | st.sets(st.integers(0, depth), min_size=1).map(sorted)),
        extra=draw(unknown_keys),
    )
    return VitMatteConfig(
        backbone,
        hidden_size=backbone.hidden_size,
        convstream_hidden_sizes=fusion[1:],
        fusion_hidden_sizes=fusion,
        output_attentions=draw(st.booleans()),
        extra=draw(unknown_keys),
    )


@given(networks())
def test_round_trip(config):
    values = json.loads(json.dumps(config.to_dict()))
    assert VitMatteConfig.from_dict(values) == config
    assert VitMatteConfig.from_dict(values).to_dict() == values


def test_round_trip_through_a_directory(tmp_path):
    config = VitMatteConfig.from_dict(BASE_FILE)
    config.save_pretrained(tmp_path / "new" / "folder")
    assert VitMatteConfig.from_pretrained(tmp_path / "new" / "folder") == config


def test_reading_leaves_the_mapping_alone():
    values = json.loads(json.dumps(SMALL_FILE | {"label": {"a": [1]}}))
    config = VitMatteConfig.from_dict(values)
    config.to_dict()["label"]["a"].append(2)
    values["label"]["a"].append(3)
    assert config.extra["label"] == {"a": [1]}


@pytest.mark.parity
@pytest.mark.parametrize("name", NETWORKS)
def test_transformers_reads_what_is_written(name, tmp_path):
    transformers = pytest.importorskip("transformers", reason=NEEDS_TRANSFORMERS)
    NETWORKS[name].save_pretrained(tmp_path)
    theirs = transformers.VitMatteConfig.from_pretrained(tmp_path).to_dict()
    ours = json.loads(json.dumps(NETWORKS[name].to_dict()))
    assert {key: theirs["backbone_config"][key] for key in ours["backbone_config"]} == ours["backbone_config"]
    del ours["backbone_config"]
    assert {key: theirs[key] for key in ours} == ours


@pytest.mark.parity
@pytest.mark.parametrize("name", NETWORKS)
def test_reads_what_transformers_writes(name, tmp_path):
    transformers = pytest.importorskip("transformers", reason=NEEDS_TRANSFORMERS)
    transformers.VitMatteConfig.from_dict(NETWORKS[name].to_dict()).save_pretrained(tmp_path)
    read = VitMatteConfig.from_pretrained(tmp_path)
    assert replace(read, extra={}, backbone_config=replace(read.backbone_config, extra={})) == NETWORKS[name]


@pytest.mark.parity
def test_defaults_of_the_backbone_are_those_of_transformers():
    transformers = pytest.importorskip("transformers", reason=NEEDS_TRANSFORMERS)
    theirs = transformers.VitDetConfig().to_dict()
    ours = VitDetConfig().to_dict()
    assert {key: theirs[key] for key in ours} == ours


def test_depth_can_be_changed_with_the_stages():
    shallow = with_backbone(tiniest_config(), num_hidden_layers=2, window_block_indices=(0,))
    assert shallow.backbone_config.feature_index == 2
