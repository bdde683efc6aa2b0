import pickle
import struct
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import timm
import torch
from timm.models.vision_transformer import VisionTransformer
from transformers import WhisperConfig, WhisperModel

from tests.small_hifigan import make_vocoder, pack_checkpoint
from unmask.models.backbones.registry.converters import (
    clip_onnx,
    ctranslate2_whisper,
    hifigan,
    sface_onnx,
    timm_checkpoint,
)
from unmask.models.backbones.registry.entry import HIFIGAN
from unmask.models.backbones.registry.network_files import read_network, write_network
from unmask.models.backbones.registry.onnx_network import OnnxNetwork


def pack_ctranslate2(values):
    def text(value):
        data = value.encode() + b"\0"
        return struct.pack("<H", len(data)) + data

    out = struct.pack("<I", 6) + text("WhisperSpec") + struct.pack("<II", 3, len(values) + 1)
    out += text("encoder/num_heads") + struct.pack("<BBI", 0, 2, 2) + struct.pack("<h", 2)
    for name, value in values.items():
        data = value.astype(np.float16).tobytes()
        dims = struct.pack(f"<{value.ndim}I", *value.shape)
        out += text(name) + struct.pack("<B", value.ndim) + dims
        out += struct.pack("<BI", 4, len(data)) + data
    return out + struct.pack("<I", 0)


def whisper_values(state):
    """Name the tensors of a WhisperModel as CTranslate2 does, stacked as it does."""
    get = {name: value.numpy() for name, value in state.items()}
    out = {"decoder/embeddings/weight": get["decoder.embed_tokens.weight"]}
    for name in ("conv1", "conv2"):
        out |= linear(get, f"encoder/{name}", [f"encoder.{name}"])
    for part in ("encoder", "decoder"):
        out[f"{part}/position_encodings/encodings"] = get[f"{part}.embed_positions.weight"]
        out |= norm(get, f"{part}/layer_norm", f"{part}.layer_norm")
        for number in range(2):
            own, target = f"{part}.layers.{number}.", f"{part}/layer_{number}/"
            out |= norm(get, f"{target}ffn/layer_norm", f"{own}final_layer_norm")
            out |= linear(get, f"{target}ffn/linear_0", [f"{own}fc1"])
            out |= linear(get, f"{target}ffn/linear_1", [f"{own}fc2"])
            out |= attention(get, f"{target}self_attention", f"{own}self_attn", ["qkv"])
            if part == "decoder":
                out |= attention(get, f"{target}attention", f"{own}encoder_attn", ["q", "kv"])
    return out


def norm(get, target, own):
    return {f"{target}/gamma": get[f"{own}.weight"], f"{target}/beta": get[f"{own}.bias"]}


def linear(get, target, names):
    weights = [get[f"{name}.weight"] for name in names]
    biases = [get.get(f"{name}.bias", np.zeros(len(get[f"{name}.weight"]))) for name in names]
    return {f"{target}/weight": np.concatenate(weights), f"{target}/bias": np.concatenate(biases)}


def attention(get, target, own, groups):
    out = norm(get, f"{target}/layer_norm", f"{own}_layer_norm")
    for index, group in enumerate(groups):
        out |= linear(get, f"{target}/linear_{index}", [f"{own}.{x}_proj" for x in group])
    return out | linear(get, f"{target}/linear_{len(groups)}", [f"{own}.out_proj"])


@pytest.fixture(scope="module")
def whisper():
    torch.manual_seed(0)
    sizes = {"encoder_layers": 2, "decoder_layers": 2, "d_model": 128, "vocab_size": 51}
    ffn = {"encoder_ffn_dim": 64, "decoder_ffn_dim": 64}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    tokens = dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id"), 1)
    config = WhisperConfig(**sizes, **ffn, **heads, **tokens, decoder_start_token_id=1)
    return WhisperModel(config).eval()


def test_whisper_of_ctranslate2_is_that_of_transformers(whisper, tmp_path):
    tensors = ctranslate2_whisper.read_tensors(
        pack_ctranslate2(whisper_values(whisper.state_dict()))
    )
    assert set(tensors) == set(whisper.state_dict())
    for name, value in whisper.state_dict().items():
        torch.testing.assert_close(tensors[name].float(), value, atol=1e-3, rtol=1e-3, msg=name)


def test_whisper_is_written_and_read_again_with_its_sizes(whisper, tmp_path):
    network = SimpleNamespace(model="whisper")
    write_network(network, whisper.state_dict(), tmp_path)
    bands = torch.randn(1, 80, 3000)
    with torch.inference_mode():
        expected = whisper.encoder(bands).last_hidden_state
        torch.testing.assert_close(read_network(network, tmp_path)(bands)[0], expected)


def test_whisper_file_that_is_cut_off_is_refused(whisper):
    content = pack_ctranslate2(whisper_values(whisper.state_dict()))
    with pytest.raises(struct.error):
        ctranslate2_whisper.read_tensors(content[: len(content) // 2])


def quantise(weight):
    """Return a product's weight as ONNX Runtime stores it: 8 bits and a scale for each output."""
    scale = np.abs(weight).max(axis=1) / 127
    return np.rint(weight / scale[:, None]).T.astype(np.int8), scale.astype(np.float32)


def pack_clip(vit):
    """Pack a timm vision transformer as an ONNX graph with the names of CLIP's export."""
    state = {name: value.numpy() for name, value in vit.state_dict().items()}
    floats = {
        "embeddings.class_embedding": state["cls_token"][0, 0],
        "embeddings.position_embedding.weight": state["pos_embed"][0],
        "embeddings.patch_embedding.weight": state["patch_embed.proj.weight"],
    }
    products = {"/visual_projection/MatMul_quant": state["head.weight"]}
    for kind in ("weight", "bias"):
        floats[f"pre_layrnorm.{kind}"] = state[f"norm_pre.{kind}"]
        floats[f"post_layernorm.{kind}"] = state[f"norm.{kind}"]
    names = {"self_attn/out_proj": "attn.proj", "mlp/fc1": "mlp.fc1", "mlp/fc2": "mlp.fc2"}
    for number in range(len(vit.blocks)):
        own, block = f"encoder.layers.{number}.", f"blocks.{number}."
        for n in "12":
            for kind in ("weight", "bias"):
                floats[f"{own}layer_norm{n}.{kind}"] = state[f"{block}norm{n}.{kind}"]
        weights, biases = (np.split(state[f"{block}attn.qkv.{k}"], 3) for k in ("weight", "bias"))
        linear = {
            f"self_attn/{x}_proj": pair for x, *pair in zip("qkv", weights, biases, strict=True)
        }
        linear |= {
            a: (state[f"{block}{b}.weight"], state[f"{block}{b}.bias"]) for a, b in names.items()
        }
        for name, (weight, bias) in linear.items():
            products[f"/vision_model/encoder/layers.{number}/{name}/MatMul_quant"] = weight
            floats[f"{own}{name.replace('/', '.')}.bias"] = bias
    initializers = [
        onnx.numpy_helper.from_array(value, f"vision_model.{name}")
        for name, value in floats.items()
    ]
    nodes = []
    for index, (name, weight) in enumerate(products.items()):
        integers, scale = quantise(weight)
        stem = f"onnx::MatMul_{index}"
        parts = {"quantized": integers, "scale": scale, "zero_point": np.zeros(len(scale), np.int8)}
        initializers += [onnx.numpy_helper.from_array(v, f"{stem}_{k}") for k, v in parts.items()]
        inputs = ["x", f"{stem}_quantized", "z", f"{stem}_zero_point"]
        nodes.append(onnx.helper.make_node("MatMulInteger", inputs, ["y"], name=name))
    graph = onnx.helper.make_graph(nodes, "clip", [], [], initializers)
    return onnx.helper.make_model(graph).SerializeToString()


def test_clip_of_onnx_is_that_of_timm_within_its_rounding():
    torch.manual_seed(0)
    vit = VisionTransformer(
        img_size=32, embed_dim=32, depth=2, num_heads=2, num_classes=8, pre_norm=True
    )
    tensors = clip_onnx.read_tensors(pack_clip(vit))
    expected = vit.state_dict() | {"head.bias": torch.zeros(8)}
    assert set(tensors) == set(expected) - {"patch_embed.proj.bias"}
    for name, value in tensors.items():
        step = expected[name].abs().max() / 127
        assert (value - expected[name]).abs().max() <= step / 2 + 1e-6, name


def save(state):
    file = BytesIO()
    torch.save(state, file)
    return file.getvalue()


def test_checkpoint_in_timms_order_gets_timms_names():
    model = timm.create_model("test_efficientnet", pretrained=False)
    other_names = {f"part_{i}": value for i, value in enumerate(model.state_dict().values())}
    tensors = timm_checkpoint.read_tensors(save(other_names), "test_efficientnet")
    for name, value in tensors.items():
        assert value is not None
        torch.testing.assert_close(value, model.state_dict()[name])
    del other_names["part_3"]
    with pytest.raises(ValueError, match="shapes of test_efficientnet"):
        timm_checkpoint.read_tensors(save(other_names), "test_efficientnet")


def test_checkpoint_with_anything_but_tensors_is_refused():
    with pytest.raises(pickle.UnpicklingError):
        timm_checkpoint.read_tensors(save({"a": SimpleNamespace()}), "test_efficientnet")


def test_hifigan_without_weight_norm_sounds_as_with_it(tmp_path):
    vocoder = make_vocoder()
    vocoder.apply_weight_norm()
    with torch.no_grad():
        for name, value in vocoder.named_parameters():
            if name.endswith("original0"):  # lengths other than those of the directions
                value.mul_(torch.rand_like(value) + 0.5)
    tensors = hifigan.read_tensors(pack_checkpoint(vocoder))
    write_network(SimpleNamespace(model=HIFIGAN), tensors, tmp_path)
    bands = torch.randn(1, 9, 80)
    with torch.inference_mode():
        expected = vocoder(bands)
        torch.testing.assert_close(
            read_network(SimpleNamespace(model=HIFIGAN), tmp_path)(bands), expected
        )
    assert expected.shape == (1, 9 * 256)
    assert expected.std() > 1e-3


def test_hifigan_checkpoint_with_half_a_weight_is_refused():
    vocoder = make_vocoder()
    vocoder.apply_weight_norm()
    with pytest.raises(KeyError, match="weight_g"):
        hifigan.read_tensors(pack_checkpoint(vocoder, without="conv_post.weight_g"))


def test_hifigan_checkpoint_with_anything_but_tensors_is_refused():
    with pytest.raises(pickle.UnpicklingError):
        hifigan.read_tensors(save({"generator": SimpleNamespace()}))


def packed_graph():
    """Return a graph like that of SFace: weights in blocks, dropout, inputs named like weights."""
    helper, rng = onnx.helper, np.random.default_rng(0)
    values = {
        "w_quantized": rng.integers(-128, 128, (5, 27), dtype=np.int8),
        "w_scales": rng.uniform(0.01, 0.1, (5, 4)).astype(np.float32),
        "w_zero_point": rng.integers(-3, 4, (5, 4), dtype=np.int8),
        "w_shape": np.array([5, 3, 3, 3]),
    }
    nodes = [
        helper.make_node(
            *("DequantizeLinear", ["w_quantized", "w_scales", "w_zero_point"], ["w_floats"]),
            axis=1,
            block_size=8,
        ),
        helper.make_node("Reshape", ["w_floats", "w_shape"], ["w"]),
        helper.make_node("Constant", [], ["share"], value_float=0.4),
        helper.make_node("Conv", ["data", "w"], ["conv"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Dropout", ["conv", "share"], ["dropped"]),
        helper.make_node("Flatten", ["dropped"], ["fc1"]),
    ]
    kind = onnx.TensorProto.FLOAT
    inputs = [
        helper.make_tensor_value_info("data", kind, [1, 3, 4, 4]),
        helper.make_tensor_value_info("w_surplus", kind, [5, 3, 3, 3]),
    ]
    outputs = [helper.make_tensor_value_info("fc1", kind, [1, 80])]
    weights = [onnx.numpy_helper.from_array(value, name) for name, value in values.items()]
    graph = helper.make_graph(nodes, "packed", inputs, outputs, weights)
    opset = [helper.make_opsetid("", 21)]
    return helper.make_model(graph, opset_imports=opset).SerializeToString(), values


def test_graph_with_weights_in_blocks_computes_the_same_in_opencv(tmp_path):
    content, values = packed_graph()
    (tmp_path / "model.onnx").write_bytes(sface_onnx.read_graph(content))
    weight = np.empty((5, 27), np.float32)
    for row, column in np.ndindex(5, 27):
        scale, zero = (values[name][row, column // 8] for name in ("w_scales", "w_zero_point"))
        weight[row, column] = (float(values["w_quantized"][row, column]) - zero) * scale
    inputs = torch.randn(2, 3, 4, 4)
    kernel = torch.from_numpy(weight).reshape(5, 3, 3, 3)
    expected = torch.nn.functional.conv2d(inputs, kernel, padding=1).flatten(1)
    torch.testing.assert_close(
        OnnxNetwork(tmp_path / "model.onnx")(inputs), expected, atol=1e-4, rtol=1e-4
    )


def test_file_that_is_no_graph_is_an_error_of_the_value(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="OpenCV"):
        OnnxNetwork(tmp_path / "model.onnx")
