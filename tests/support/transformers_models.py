"""transformers' networks with our configuration and weights. Importing this needs the [parity] extra."""

import re

import torch
from transformers import VitDetConfig, VitMatteConfig, VitMatteForImageMatting

from numpy_vitmatte.tracing.layer_order import network_order

HANDED_OUT = re.compile(
    r"backbone\.embeddings|backbone\.encoder\.layer\.\d+(\.attention\.probabilities)?"
    r"|decoder\.(convstream\.convs|fusion_blocks)\.\d+|alphas"
)


def transformers_config(config):
    """The same configuration as an object of transformers."""
    values = config.to_dict()
    backbone = VitDetConfig(
        **{key: value for key, value in values.pop("backbone_config").items() if key != "stage_names"}
    )
    return VitMatteConfig(backbone_config=backbone, **values)


def load(module, tensors):
    """Load tensors into a module, each of them and no other, and return it ready for inference."""
    state = {name: torch.from_numpy(tensor.copy()) for name, tensor in tensors.items()}
    missing, unexpected = module.load_state_dict(state, strict=False, assign=True)
    assert unexpected == []
    assert all(name.endswith("num_batches_tracked") for name in missing), missing
    return module.eval()


def transformers_model(config, tensors):
    """The whole network, without drawing the weights that are replaced at once."""
    with torch.device("meta"):
        model = VitMatteForImageMatting(transformers_config(config))
    return load(model, tensors)


@torch.no_grad()
def outputs(model, pixels):
    """Alphas, hidden states and attentions of a batch, as arrays."""
    out = model(torch.from_numpy(pixels), output_hidden_states=True, output_attentions=True)
    hidden = [state.numpy() for state in out.hidden_states]
    return out.alphas.numpy(), hidden, [attention.numpy() for attention in out.attentions]


@torch.no_grad()
def hooked_outputs(model, pixels):
    """The output of every module that gives an array, by name, with attention probabilities and alphas."""
    seen = {}

    def keep(name):
        def hook(module, inputs, output):
            array = output[0] if isinstance(output, tuple) else output
            if isinstance(array, torch.Tensor):
                seen[name] = array.clone().numpy()  # the head's ReLU works in place

        return hook

    hooks = [module.register_forward_hook(keep(name)) for name, module in model.named_modules()]
    alphas, _, attentions = outputs(model, pixels)
    for hook in hooks:
        hook.remove()
    named = {f"backbone.encoder.layer.{n}.attention.probabilities": value for n, value in enumerate(attentions)}
    return seen | named | {"alphas": alphas}


def intermediates(model, pixels):
    """Results inside the network that our model and our layers hand out too, in the order they are computed."""
    seen = hooked_outputs(model, pixels)
    return {name: seen[name] for name in network_order(seen) if HANDED_OUT.fullmatch(name)}
