"""What the pages call the methods of attribution and what was measured about them."""

from typing import NamedTuple

from minspnet.trust import MOST_ALIKE, MOST_MISSED


class Said(NamedTuple):
    """A method in words.

    Attributes:
        title: Short.
        meaning: One plain sentence.
    """

    title: str
    meaning: str


METHODS = {
    "integrated_gradients": Said(
        "Integrated gradients",
        "Adds up how the answer responds on the straight way from the baseline to the case.",
    ),
    "gradient_shap": Said(
        "Gradient SHAP", "The same way, looked at in random points instead of regular ones."
    ),
    "deep_lift": Said(
        "DeepLift", "Hands the difference to the baseline back through the network, unit by unit."
    ),
    "kernel_shap": Said(
        "Kernel SHAP",
        "Shares the answer out fairly (Shapley values), from random sets of inputs left out.",
    ),
    "lime": Said(
        "LIME", "Fits a straight line to the answers while random sets of inputs are left out."
    ),
    "feature_ablation": Said(
        "Leaving inputs out", "What the answer loses if this one input goes to the baseline."
    ),
    "occlusion": Said(
        "Occlusion", "The same with a window that slides by half its width at a time."
    ),
    "input_x_gradient": Said(
        "Input x gradient", "The input times the slope of the answer; it knows no baseline."
    ),
    "saliency": Said(
        "Saliency (size of the gradient)",
        "How steeply the answer responds to the input here; it knows no direction.",
    ),
}
UNSIGNED = ("saliency",)
FIRST = ("integrated_gradients", "kernel_shap", "feature_ablation")
"""What is put side by side until someone chooses: a gradient, a game, and the plain way."""


class Measure(NamedTuple):
    """What was measured about a method, in words.

    Attributes:
        title: Over its column.
        better: ``higher`` or ``lower``.
        meaning: One plain sentence.
        term: What the literature calls it.
    """

    title: str
    better: str
    meaning: str
    term: str


MEASURES = {
    "deletion": Measure(
        "Deletion",
        "higher",
        "Empty the inputs it ranks highest first: how much further the answer falls than in a "
        "random order, in log-odds; 0 is no better than chance.",
        "Faithfulness by deletion (Samek et al. 2017; Petsiuk et al. 2018)",
    ),
    "insertion": Measure(
        "Insertion",
        "higher",
        "Start from nothing and fill them in: how much further the answer rises than in a random "
        "order, in log-odds.",
        "Faithfulness by insertion (Petsiuk et al. 2018)",
    ),
    "infidelity": Measure(
        "Infidelity",
        "lower",
        "How badly it foretells what emptying half of the inputs at random does to the answer, "
        "in squared log-odds.",
        "Infidelity with the best scale, by captum (Yeh et al. 2019)",
    ),
    "sensitivity": Measure(
        "Sensitivity",
        "lower",
        "How much it changes, at worst, if the inputs change by a twentieth of their usual "
        "spread; 0.1 is a tenth of its size.",
        "Maximum sensitivity, by captum (Yeh et al. 2019)",
    ),
    "effective": Measure(
        "Inputs named",
        "lower",
        "Over how many inputs it spreads the answer, in effect: fewer are easier to check.",
        "Complexity: exponential of the entropy (Bhatt et al. 2020)",
    ),
    "shuffled": Measure(
        "Shuffled weights",
        "lower",
        "How alike its ranking stays if everything the network learned is shuffled: near 0 it "
        "shows what was learned, near 1 it would say the same of any network.",
        "Model randomisation test, rank correlation of sizes (Adebayo et al. 2018)",
    ),
    "missed": Measure(
        "Missed",
        "lower",
        "What share of the answer its values fail to sum to; empty if it promises no sum.",
        "Convergence delta over the difference of the logits (completeness)",
    ),
}

DOUBTS = {
    "deletion": "it is not shown to find the inputs that matter better than a random order",
    "shuffled": "it says much the same of a network with shuffled weights",
    "missed": "its values do not sum to the answer as it promises",
}
RULE = (
    "A method is **doubted here** if, on these cases, the 95% interval of its lead in deletion "
    f"reaches 0, or its rank correlation with shuffled weights is {MOST_ALIKE:g} or more, or it "
    f"promises to sum to the answer and the median case misses it by {MOST_MISSED:.0%} or more."
)
