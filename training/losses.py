"""The loss: labels where there are any, the teacher everywhere, and two losses on the features."""
import torch
import torch.nn.functional as F
from torch import nn

from photos import normalise
from teacher import FEATURES

SMOOTHING = 0.1


class Distillation(nn.Module):
    """The student with the linear map that compares its 512 averaged features to the teacher's 1280.

    The map is a training aid: export.py leaves it out.
    """

    def __init__(self, student):
        super().__init__()
        self.student = student
        self.projection = nn.Linear(student.channels, FEATURES)
        # Mean and deviation of the teacher's features, measured once on the first batches.
        self.register_buffer("teacher_mean", torch.zeros(FEATURES))
        self.register_buffer("teacher_deviation", torch.ones(FEATURES))

    def forward(self, photos):
        """Photos 0..255 -> scores [N, classes], averaged map [N, 512], its image [N, 1280]."""
        scores, averaged = self.student(normalise(photos))
        return scores, averaged, self.projection(averaged.to(scores.dtype))


@torch.no_grad()
def ask_teacher(teacher, photos, size=192):
    """The teacher's logits and features for the same crops the student sees."""
    if photos.shape[2] != size:
        photos = F.interpolate(photos, (size, size), mode="bilinear", align_corners=False,
                               antialias=photos.shape[2] > size)
    kind = next(teacher.buffers()).dtype
    logits, features = teacher(photos.to(kind).contiguous(memory_format=torch.channels_last))
    return logits.float(), features.float()


def label_loss(log_probabilities, labels):
    """Cross-entropy with label smoothing, per photo; 0 where there is no label."""
    picked = log_probabilities.gather(1, labels.clamp(min=0)[:, None])[:, 0]
    loss = -((1 - SMOOTHING) * picked + SMOOTHING * log_probabilities.mean(1))
    return loss * (labels >= 0)


def total_loss(model, outputs, batch, teacher_logits, teacher_features,
               distil=0.5, relation_weight=20.0):
    """The sum to minimise, and its parts as {name: tensor}.

    `distil` is the teacher's share of the class loss where there are labels; without one it is 1.
    """
    scores, averaged, projected = (output.float() for output in outputs)
    log_probabilities = F.log_softmax(scores, 1)
    # A mixed photo counts as labelled only if both halves are.
    labelled = (batch.first >= 0) & ((batch.second >= 0) | (batch.share == 1))
    by_label = (batch.share * label_loss(log_probabilities, batch.first)
                + (1 - batch.share) * label_loss(log_probabilities, batch.second))
    by_teacher = -(F.softmax(teacher_logits, 1) * log_probabilities).sum(1)
    share = torch.where(labelled, distil, 1.0)
    class_loss = ((1 - share) * by_label + share * by_teacher).mean()
    # Averaged features that predict the teacher's ...
    wanted = (teacher_features - model.teacher_mean) / model.teacher_deviation
    feature_loss = 1 - F.cosine_similarity(projected, wanted, dim=1).mean()
    # ... and whose similarities between photos are the teacher's: this makes them fit for search.
    own, its = F.normalize(averaged, dim=1), F.normalize(teacher_features, dim=1)
    relation_loss = ((own @ own.T - its @ its.T) ** 2).mean()
    return class_loss + feature_loss + relation_weight * relation_loss, {
        "class_loss": class_loss, "feature_loss": feature_loss, "relation_loss": relation_loss}
